package sparkbed

import java.nio.charset.StandardCharsets
import java.security.MessageDigest
import java.util.Random

import org.apache.hadoop.io.compress.DefaultCodec
import org.apache.spark.SparkContext
import org.apache.spark.rdd.RDD
import org.apache.spark.storage.StorageLevel

import scala.collection.mutable
import scala.reflect.ClassTag
import scala.util.hashing.MurmurHash3

/** What whole-number records hold: how many, the sum of their values, how many keys, and how many have an odd key. */
case class Totals(records: Long, sum: Long, keys: Int, oddKeys: Long)

/** Data of the key-value tests, made as spark-perf makes them. */
object KeyValueData {
  /** Records a fact of the launch. */
  type Note = (String, AnyRef) => Unit

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

  /** A number as text of `length` characters: padded, or the beginning of the SHA-256 of that in hexadecimal. */
  def text(number: Int, length: Int, hashed: Boolean): String = {
    val decimal = padded(number, length)
    if (!hashed) decimal
    else
      MessageDigest
        .getInstance("SHA-256")
        .digest(decimal.getBytes(StandardCharsets.UTF_8))
        .map(byte => f"$byte%02x")
        .mkString
        .take(length)
  }

  /** The pairs as text of key-length and value-length characters. */
  def texts(context: SparkContext, options: Options): RDD[(String, String)] = {
    val (keyLength, valueLength) = (options.int("key-length"), options.int("value-length"))
    val hashed = options.flag("hash-records")
    integers(context, options).map { case (key, value) => (text(key, keyLength, hashed), text(value, valueLength, hashed)) }
  }

  /** Text records where persistent-type wants them. */
  def storedTexts(context: SparkContext, options: Options, note: Note): RDD[(String, String)] =
    stored(context, options, StoredData.texts(options), texts(context, options), identity, note)

  /** Whole-number records where persistent-type wants them. */
  def storedIntegers(context: SparkContext, options: Options, note: Note): RDD[(Int, Int)] =
    stored(context, options, StoredData.integers(options), integers(context, options), _.toInt, note)

  /** The input where persistent-type wants it, materialised. `read` makes a pair of the two fields of a stored line. */
  private def stored[T: ClassTag](
      context: SparkContext, options: Options, what: StoredData, data: => RDD[(T, T)], read: String => T,
      note: Note): RDD[(T, T)] =
    options.text("persistent-type") match {
      case "memory" => materialised(data.persist(StorageLevel.MEMORY_ONLY))
      case "disk" => materialised(data.persist(StorageLevel.DISK_ONLY))
      case "hdfs" =>
        val records = recordsPerPartition(options).toLong * options.int("num-partitions")
        val (folder, made) = what.folder(context, options.text("storage-location"), records) { folder =>
          data.map { case (key, value) => s"$key\t$value" }.saveAsTextFile(folder, classOf[DefaultCodec])
        }
        note("stored_data", folder)
        note("stored_data_made", Boolean.box(made))
        context.textFile(folder, options.int("num-partitions")).map { line =>
          val Array(key, value) = line.split("\t", 2)
          (read(key), read(value))
        }
    }

  private def materialised[T](data: RDD[T]): RDD[T] = {
    data.count()
    data
  }

  /** What a plain pass over the whole-number pairs says, made anew from the seed. */
  def totals(context: SparkContext, options: Options): Totals = {
    val (counts, seen) = integers(context, options)
      .mapPartitions { pairs =>
        var (records, sum, oddKeys) = (0L, 0L, 0L)
        val keys = new mutable.BitSet()
        pairs.foreach { case (key, value) =>
          records += 1
          sum += value
          if (key % 2 != 0) oddKeys += 1
          keys += key
        }
        Iterator.single((Seq(records, sum, oddKeys), keys.toBitMask))
      }
      .treeReduce { case ((counts, keys), (otherCounts, otherKeys)) =>
        val both = mutable.BitSet.fromBitMask(keys) |= mutable.BitSet.fromBitMask(otherKeys)
        (counts.zip(otherCounts).map { case (one, other) => one + other }, both.toBitMask)
      }
    val Seq(records, sum, oddKeys) = counts
    Totals(records, sum, mutable.BitSet.fromBitMask(seen).size, oddKeys)
  }

  /** A sum over the records that does not depend on their order: a lost, doubled or changed record changes it. */
  def checksum[T](data: RDD[(T, T)]): Long =
    data.mapPartitions(pairs => Iterator.single(pairs.map(hash).sum)).fold(0L)(_ + _)

  def hash[T](pair: (T, T)): Long = {
    val text = s"${pair._1}\t${pair._2}"
    (MurmurHash3.stringHash(text, 1).toLong << 32) | (MurmurHash3.stringHash(text, 2) & 0xffffffffL)
  }

  /** Throw WrongResult unless every iteration counted `expected`. */
  def checkCounts(counts: Seq[Long], expected: Long, what: String): Unit =
    for ((count, iteration) <- counts.zipWithIndex if count != expected)
      throw new WrongResult(s"iteration ${iteration + 1} found $count $what; the input has $expected")

  /** Compare what an aggregation gave with `totals`.
    *
    * Values are added up as Int, which wraps around at 2^32 (as in spark-perf), so the sums are compared modulo 2^32.
    */
  def checkAggregation(counts: Seq[Long], aggregatedSum: Long, totals: Totals): AnyRef = {
    checkCounts(counts, totals.keys, "keys")
    if (aggregatedSum.toInt != totals.sum.toInt)
      throw new WrongResult(
        s"the values of all keys add up to $aggregatedSum; those of the input to ${totals.sum} (modulo 2^32)")
    SamplesFile.mapping(
      "keys" -> Int.box(totals.keys), "records" -> Long.box(totals.records), "sum" -> Long.box(totals.sum))
  }
}
