package sparkbed

import org.apache.hadoop.fs.Path
import org.apache.spark.{SparkConf, SparkContext}

/** Stores records of which the driver does not see one, as where executors write to folders of their own; prints what
  * is said, and then what is left in the folder that is the only argument.
  */
object Unshared {
  def main(arguments: Array[String]): Unit = {
    val context = new SparkContext(new SparkConf().setAppName("unshared"))
    try {
      val what = new StoredData("test", Seq("num-records" -> "5"))
      val said =
        try what.folder(context, arguments(0), 5)(context.parallelize(1 to 4, 2).saveAsTextFile(_)).toString
        catch { case problem: Failed => problem.getMessage }
      println(s"said: $said")
      val place = new Path(arguments(0))
      val left = place.getFileSystem(context.hadoopConfiguration).listStatus(place).map(_.getPath.getName)
      println(s"left: ${left.sorted.mkString(" ")}")
    } finally context.stop()
  }
}
