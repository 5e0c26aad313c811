package sparkbed

import java.nio.charset.StandardCharsets
import java.security.MessageDigest

import org.apache.hadoop.fs.{FileSystem, Path}
import org.apache.spark.SparkContext

/** Data that outlive an application: in a folder whose name holds a fingerprint of all that they are made from.
  *
  * So data made with other parameters lie elsewhere, and are never taken for these. The file `_parameters` in the folder
  * says in words what they are; Hadoop's readers pass over names that begin so.
  */
class StoredData(form: String, parameters: Seq[(String, String)]) {
  private val words: String = parameters.map { case (name, value) => s"$name=$value\n" }.mkString(s"form=$form\n", "", "")

  val name: String = {
    val digest = MessageDigest.getInstance("SHA-256").digest(words.getBytes(StandardCharsets.UTF_8))
    s"$form-${digest.take(8).map(byte => f"$byte%02x").mkString}"
  }

  /** The folder below `location` that holds the data, and whether `write` has made them now.
    *
    * They are written beside it and renamed when they are whole, so that a killed writer leaves nothing that is taken
    * for data. Their `records` are counted before, by `count`: of what executors wrote to folders of their own, nobody
    * finds all.
    */
  def folder(
      context: SparkContext, location: String, records: Long, count: (SparkContext, String) => Long = StoredData.lines)(
      write: String => Unit): (String, Boolean) = {
    val target = new Path(location, name)
    val files = target.getFileSystem(context.hadoopConfiguration)
    if (files.exists(target)) {
      val found = read(files, new Path(target, StoredData.Parameters))
      if (!found.contains(words))
        throw new Failed(s"$target does not say that it holds the data of these parameters: remove it")
      (target.toString, false)
    } else {
      // Not hidden by a leading underscore: Hadoop's readers, who count in it, would pass over the folder itself.
      val begun = new Path(location, s"$name-${context.applicationId}")
      try {
        write(begun.toString)
        val found = count(context, begun.toString)
        if (found != records)
          throw new Failed(
            s"$found of $records records were there after writing them to $location: is it a folder that the driver and " +
              "every executor share?")
        val out = files.create(new Path(begun, StoredData.Parameters))
        try out.write(words.getBytes(StandardCharsets.UTF_8))
        finally out.close()
        if (!files.rename(begun, target)) throw new Failed(s"$begun can't be renamed to $target")
      } finally files.delete(begun, true)
      (target.toString, true)
    }
  }

  private def read(files: FileSystem, path: Path): Option[String] =
    if (!files.exists(path)) None
    else {
      val in = files.open(path)
      try Some(scala.io.Source.fromInputStream(in, "UTF-8").mkString)
      finally in.close()
    }
}

object StoredData {
  val Parameters = "_parameters"

  val lines: (SparkContext, String) => Long = (context, folder) => context.textFile(folder).count()

  private val Shape = Seq("num-partitions", "num-records", "unique-keys", "unique-values", "random-seed")

  def integers(options: Options): StoredData = new StoredData("scala-int", Shape.map(name => name -> options.text(name)))

  def texts(options: Options): StoredData = {
    val names = Shape ++ Seq("key-length", "value-length")
    val hashed = "hash-records" -> options.flag("hash-records").toString
    new StoredData("scala-text", names.map(name => name -> options.text(name)) :+ hashed)
  }
}
