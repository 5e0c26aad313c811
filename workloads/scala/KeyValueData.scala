package sparkbed

import java.util.Random

import org.apache.hadoop.fs.Path
import org.apache.hadoop.io.compress.DefaultCodec
import org.apache.spark.SparkContext
import org.apache.spark.rdd.RDD
import org.apache.spark.storage.StorageLevel

import scala.collection.mutable
import scala.reflect.ClassTag

/** Data of the key-value tests, made as spark-perf makes them. */
object KeyValueData {
  val options: Set[String] = Set(
    "num-partitions", "reduce-tasks", "num-records", "unique-keys", "key-length", "unique-values", "value-length",
    "persistent-type", "storage-location")
  val flags: Set[String] = Set("hash-records", "wait-for-exit")

  def validate(options: Options): Unit = {
    for ((count, length) <- Seq("unique-keys" -> "key-length", "unique-values" -> "value-length"))
      if (options.int(count).toString.length > options.int(length))
        throw new Usage(s"--$count=${options.int(count)} has more digits than --$length=${options.int(length)}")
    if (!Set("memory", "disk", "hdfs")(options.text("persistent-type")))
      throw new Usage(s"--persistent-type=${options.text("persistent-type")}: there are memory, disk and hdfs")
  }

  def recordsPerPartition(options: Options): Int = (options.long("num-records") / options.int("num-partitions")).toInt

  /** The pairs of one partition: the generator is seeded with the hash of the text of (seed XOR index); key first. */
  def partition(index: Int, records: Int, uniqueKeys: Int, uniqueValues: Int, seed: Int): Iterator[(Int, Int)] = {
    val random = new Random((seed ^ index).toString.hashCode)
    Iterator.fill(records) {
      val key = random.nextInt(uniqueKeys)
      (key, random.nextInt(uniqueValues))
    }
  }

  /** Whole-number pairs, computed where they are used. */
  def integers(context: SparkContext, options: Options): RDD[(Int, Int)] = {
    val records = recordsPerPartition(options)
    val (keys, values) = (options.int("unique-keys"), options.int("unique-values"))
    val seed = options.int("random-seed")
    val partitions = options.int("num-partitions")
    context.makeRDD(0 until partitions, partitions).mapPartitionsWithIndex { (index, _) =>
      partition(index, records, keys, values, seed)
    }
  }

  /** Decimal text, padded with zeros on its left. */
  def padded(number: Int, length: Int): String = {
    val digits = number.toString
    "0" * (length - digits.length) + digits
  }

  /** The pairs as text of key-length and value-length characters. */
  def texts(context: SparkContext, options: Options): RDD[(String, String)] = {
    val (keyLength, valueLength) = (options.int("key-length"), options.int("value-length"))
    integers(context, options).map { case (key, value) => (padded(key, keyLength), padded(value, valueLength)) }
  }

  /** The input where persistent-type wants it, materialised.
    *
    * `read` makes a pair of the two fields of a stored line. What is at storage-location already is used again; if it
    * was made with other parameters, the check of the results finds out.
    */
  def stored[T: ClassTag](
      context: SparkContext, options: Options, data: => RDD[(T, T)], read: String => T): RDD[(T, T)] =
    options.text("persistent-type") match {
      case "memory" => materialised(data.persist(StorageLevel.MEMORY_ONLY))
      case "disk" => materialised(data.persist(StorageLevel.DISK_ONLY))
      case "hdfs" =>
        val location = new Path(options.text("storage-location"))
        if (location.getFileSystem(context.hadoopConfiguration).exists(location))
          System.err.println(s"sparkbed: using the data that lie at $location already")
        else
          data.map { case (key, value) => s"$key\t$value" }.saveAsTextFile(location.toString, classOf[DefaultCodec])
        context.textFile(location.toString, options.int("num-partitions")).map { line =>
          val Array(key, value) = line.split("\t", 2)
          (read(key), read(value))
        }
    }

  private def materialised[T](data: RDD[T]): RDD[T] = {
    data.count()
    data
  }

  /** What a plain pass over the pairs says, made anew from the seed: records, sum of values, number of keys. */
  def totals(context: SparkContext, options: Options): (Long, Long, Int) = {
    val (records, sum, keys) = integers(context, options)
      .mapPartitions { pairs =>
        var (count, total) = (0L, 0L)
        val seen = new mutable.BitSet()
        pairs.foreach { case (key, value) =>
          count += 1
          total += value
          seen += key
        }
        Iterator.single((count, total, seen.toBitMask))
      }
      .treeReduce { case ((count, total, seen), (otherCount, otherTotal, otherSeen)) =>
        val both = mutable.BitSet.fromBitMask(seen) |= mutable.BitSet.fromBitMask(otherSeen)
        (count + otherCount, total + otherTotal, both.toBitMask)
      }
    (records, sum, mutable.BitSet.fromBitMask(keys).size)
  }

  /** Compare what an aggregation gave with `totals`.
    *
    * Values are added up as Int, which wraps around at 2^32 (as in spark-perf), so the sums are compared modulo 2^32.
    */
  def checkAggregation(counts: Seq[Long], aggregatedSum: Long, totals: (Long, Long, Int)): AnyRef = {
    val (records, sum, keys) = totals
    for ((count, iteration) <- counts.zipWithIndex if count != keys)
      throw new WrongResult(s"iteration ${iteration + 1} found $count keys; the input has $keys")
    if (aggregatedSum.toInt != sum.toInt)
      throw new WrongResult(s"the values of all keys add up to $aggregatedSum; those of the input to $sum (modulo 2^32)")
    SamplesFile.mapping("keys" -> Int.box(keys), "records" -> Long.box(records), "sum" -> Long.box(sum))
  }
}
