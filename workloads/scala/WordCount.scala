package sparkbed

import java.util.{Arrays, Random}

import org.apache.spark.SparkContext
import org.apache.spark.rdd.RDD
import org.apache.spark.storage.StorageLevel

/** What a count of words found: how many words are different, how many there are, and a sum that tells them apart. */
case class Counted(different: Long, words: Long, checksum: Long)

/** wordcount: lines are split into words, which are added up by a shuffle. */
object WordCount extends Application[RDD[String], Long]("wordcount") {
  override val options: Set[String] = Set(
    "num-lines", "words-per-line", "unique-words", "num-partitions", "reduce-tasks", "persistent-type",
    "storage-location")

  override def validate(options: Options): Unit =
    if (!Set("memory", "disk", "hdfs")(options.text("persistent-type")))
      throw new Usage(s"--persistent-type=${options.text("persistent-type")}: there are memory, disk and hdfs")

  /** The last iteration's counts; its shuffle files are read again when the results are checked. */
  private var last: Option[RDD[(String, Long)]] = None

  /** Word number n (from 0), which is drawn 1 / (n + 1) as often as the first one (Zipf's law with exponent 1). */
  private def word(number: Int): String = s"word$number"

  /** Word numbers for each partition, from a generator seeded as the key-value data's. */
  private def numbers(context: SparkContext, options: Options): RDD[Array[Int]] = {
    val (lines, perLine) = (options.long("num-lines"), options.int("words-per-line"))
    val (unique, seed, partitions) =
      (options.int("unique-words"), options.int("random-seed"), options.int("num-partitions"))
    val bounds = (0 to partitions).map(index => (BigInt(lines) * index / partitions).toLong).toArray
    context.makeRDD(0 until partitions, partitions).mapPartitionsWithIndex { (index, _) =>
      val sums = (1 to unique).map(1.0 / _).scanLeft(0.0)(_ + _).tail.toArray
      val random = new Random((seed ^ index).toString.hashCode)
      def draw(): Int = {
        val found = Arrays.binarySearch(sums, random.nextDouble() * sums.last)
        math.min(if (found >= 0) found + 1 else -found - 1, unique - 1)
      }
      Iterator.iterate(bounds(index))(_ + 1).takeWhile(_ < bounds(index + 1)).map(_ => Array.fill(perLine)(draw()))
    }
  }

  private def lines(context: SparkContext, options: Options): RDD[String] =
    numbers(context, options).map(_.iterator.map(word).mkString(" "))

  override def prepare(context: SparkContext, options: Options): RDD[String] = {
    val level = options.text("persistent-type") match {
      case "memory" => StorageLevel.MEMORY_ONLY
      case "disk" => StorageLevel.DISK_ONLY
      case "hdfs" => StorageLevel.NONE
    }
    if (level != StorageLevel.NONE) {
      val kept = lines(context, options).persist(level)
      kept.count()
      kept
    } else {
      val names = Seq("num-lines", "words-per-line", "unique-words", "num-partitions", "random-seed")
      val what = new StoredData("words", names.map(name => name -> options.text(name)))
      val (folder, made) = what.folder(context, options.text("storage-location"), options.long("num-lines")) { folder =>
        lines(context, options).saveAsTextFile(folder)
      }
      notes.put("stored_data", folder)
      notes.put("stored_data_made", Boolean.box(made))
      context.textFile(folder, options.int("num-partitions"))
    }
  }

  override def body(context: SparkContext, options: Options, data: RDD[String]): Long = {
    val counts = data.flatMap(_.split(" ")).map(word => (word, 1L)).reduceByKey(_ + _, options.int("reduce-tasks"))
    last = Some(counts)
    counts.count()
  }

  private def summary(counts: RDD[(String, Long)]): Counted =
    counts
      .map { case (word, count) => Counted(1, count, KeyValueData.hash(word -> count.toString)) }
      .fold(Counted(0, 0, 0)) { (one, other) =>
        Counted(one.different + other.different, one.words + other.words, one.checksum + other.checksum)
      }

  /** Counts by plain arrays, without a shuffle, of words that are drawn anew. */
  private def expected(context: SparkContext, options: Options): Counted = {
    val unique = options.int("unique-words")
    val counts = numbers(context, options)
      .mapPartitions { lines =>
        val found = new Array[Long](unique)
        for (line <- lines; number <- line) found(number) += 1
        Iterator.single(found)
      }
      .treeReduce { (one, other) =>
        for (index <- one.indices) one(index) += other(index)
        one
      }
    val words = counts.indices.filter(counts(_) > 0)
    Counted(
      words.size, counts.sum, words.map(number => KeyValueData.hash(word(number) -> counts(number).toString)).sum)
  }

  override def check(context: SparkContext, options: Options, data: RDD[String], results: Seq[Long]): AnyRef = {
    val (found, right) = (summary(last.get), expected(context, options))
    KeyValueData.checkCounts(results, right.different, "different words")
    if (found != right) throw new WrongResult(s"the counts come to $found; those of the input to $right")
    SamplesFile.mapping("words" -> Long.box(right.words), "different" -> Long.box(right.different))
  }
}
