package sparkbed.streaming

import java.io.BufferedOutputStream
import java.nio.charset.StandardCharsets

import org.apache.hadoop.conf.Configuration
import org.apache.hadoop.fs.Path
import sparkbed.{Options, WrongResult}

import scala.collection.mutable
import scala.util.control.NonFatal

/** Files of words, written one after another by a thread of the driver: a line has a few words, and the name of its file
  * as a word too. Files appear whole, and go when they are older than file-cleaner-delay.
  */
class WordFiles(place: Place, configuration: Configuration, options: Options) {
  private val perFile = options.int("records-per-file")
  private val seed = options.int("random-seed")
  private val keep = options.long("file-cleaner-delay") * 1000
  private val pause = math.max(100L, options.long("batch-duration") / WordFiles.EachBatch)
  private val folder = place.path("words")
  private val files = folder.getFileSystem(configuration)
  @volatile private var ending = false
  @volatile private var problem: Option[Throwable] = None
  @volatile private var written = 0
  private val thread = new Thread(() => work(), "files of words")

  files.mkdirs(folder)

  def path: Path = folder

  /** How many files are there by now. */
  def count: Int = written

  def start(): Unit = {
    thread.setDaemon(true)
    thread.start()
  }

  def stop(): Unit = {
    ending = true
    if (thread.isAlive) thread.join(60000)
    problem.foreach(throw _)
  }

  private def work(): Unit = {
    val made = mutable.Queue.empty[(Path, Long)]
    try
      while (!ending) {
        val name = WordFiles.name(written)
        val begun = place.path(s"_$name")
        val out = new BufferedOutputStream(files.create(begun))
        try
          for (line <- 0 until perFile)
            out.write(WordFiles.line(seed, written, line).mkString("", " ", "\n").getBytes(StandardCharsets.UTF_8))
        finally out.close()
        files.rename(begun, new Path(folder, name))
        made.enqueue((new Path(folder, name), System.currentTimeMillis()))
        written += 1
        while (made.head._2 < System.currentTimeMillis() - keep) files.delete(made.dequeue()._1, false)
        Thread.sleep(pause)
      }
    catch { case NonFatal(failure) => problem = Some(failure) }
  }
}

object WordFiles {
  private val EachBatch = 5
  private val Words = 5
  private val Vocabulary = 1000

  val options: Set[String] = Set("records-per-file", "file-cleaner-delay")

  private def name(file: Int): String = f"file-$file%06d"

  private def line(seed: Int, file: Int, line: Int): Seq[String] = {
    val records = Records(seed, Vocabulary, 1)
    name(file) +: (0 until Words).map(word => s"word-${records.numbers(file, line.toLong * Words + word)._1}")
  }

  /** Throw WrongResult unless `counts` are those of whole files, each once, from the first on; how many they are. */
  def check(options: Options, counts: Map[String, Long]): Int = {
    val (seed, perFile) = (options.int("random-seed"), options.int("records-per-file"))
    val files = counts.keys.count(_.startsWith("file-"))
    val right = mutable.Map.empty[String, Long].withDefaultValue(0L)
    for (file <- 0 until files; number <- 0 until perFile; word <- line(seed, file, number)) right(word) += 1
    for ((word, count) <- (right.toSeq ++ counts.toSeq.filterNot { case (word, _) => right.contains(word) }).sorted)
      if (counts.getOrElse(word, 0L) != right(word))
        throw new WrongResult(
          s"'$word' was counted ${counts.getOrElse(word, 0L)} times; the first $files files have it ${right(word)} times")
    files
  }
}
