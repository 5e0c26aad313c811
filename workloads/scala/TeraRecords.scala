package sparkbed

import java.nio.charset.StandardCharsets
import java.util.Arrays
import java.util.zip.CRC32

import org.apache.spark.SparkContext
import org.apache.spark.rdd.RDD

/** An unsigned whole number of 128 bits; sums and products wrap around. */
case class Unsigned128(high: Long, low: Long) {
  def +(other: Unsigned128): Unsigned128 = {
    val sum = low + other.low
    val carry = if (java.lang.Long.compareUnsigned(sum, low) < 0) 1L else 0L
    Unsigned128(high + other.high + carry, sum)
  }

  def *(other: Unsigned128): Unsigned128 = {
    // Of the signed product's high half, each factor's sign bit took the other factor once.
    val lows = Math.multiplyHigh(low, other.low) + ((low >> 63) & other.low) + ((other.low >> 63) & low)
    Unsigned128(lows + high * other.low + low * other.high, low * other.low)
  }

  /** 32 hexadecimal digits. */
  def digits: String = f"$high%016X$low%016X"

  /** Hexadecimal without leading zeros, as teravalidate and valsort print checksums. */
  override def toString: String = digits.toLowerCase.dropWhile(_ == '0') match {
    case "" => "0"
    case digits => digits
  }
}

object Unsigned128 {
  val Zero: Unsigned128 = Unsigned128(0, 0)
  val One: Unsigned128 = Unsigned128(0, 1)
}

/** TeraSort's records in the binary form of gensort 1.x and of Hadoop's teragen: 100 bytes, the first 10 of them the key.
  *
  * Key: the high 10 bytes of record n's random number. Then 00 11, n in 32 hexadecimal digits, 88 99 AA BB, the number's
  * low 12 hexadecimal digits four times each, CC DD EE FF.
  */
object TeraRecords {
  val Length = 100
  val KeyLength = 10

  /** The linear congruential generator x -> x * Factor + Step (mod 2^128), begun at 0; record n has its number n + 1. */
  private val Factor = Unsigned128(0x2360ed051fc65da4L, 0x4385df649fccf645L)
  private val Step = Unsigned128(0x4a696d4772617952L, 0x4950202020202001L)

  private val Digits: Array[Byte] = "0123456789ABCDEF".getBytes(StandardCharsets.US_ASCII)

  /** The generator's state after so many steps, by squaring. */
  private def after(steps: Long): Unsigned128 = {
    var (factor, step) = (Factor, Step)
    var state = Unsigned128.Zero
    var left = steps
    while (left > 0) {
      if ((left & 1) == 1) state = state * factor + step
      step = step * factor + step
      factor = factor * factor
      left >>= 1
    }
    state
  }

  /** Records number `first` to `end` - 1. */
  def between(first: Long, end: Long): Iterator[Array[Byte]] = {
    var state = after(first)
    Iterator.iterate(first)(_ + 1).takeWhile(_ < end).map { number =>
      state = state * Factor + Step
      record(number, state)
    }
  }

  /** What all records have alike: the bytes between the parts, and zeros where numbers of records never reach. */
  private val Frame: Array[Byte] = {
    val bytes = new Array[Byte](Length)
    bytes(11) = 0x11
    Arrays.fill(bytes, 12, 28, '0'.toByte)
    for (index <- 0 until 4) {
      bytes(44 + index) = (0x88 + 0x11 * index).toByte
      bytes(96 + index) = (0xcc + 0x11 * index).toByte
    }
    bytes
  }

  private def record(number: Long, random: Unsigned128): Array[Byte] = {
    val bytes = Frame.clone()
    putHigh(bytes, 0, random.high, 8)
    putHigh(bytes, 8, random.low, 2)
    putDigits(bytes, 28, number, 16, 1)
    putDigits(bytes, 48, random.low, 12, 4)
    bytes
  }

  /** The highest `count` bytes of `value`. */
  private def putHigh(bytes: Array[Byte], at: Int, value: Long, count: Int): Unit = {
    var index = 0
    while (index < count) {
      bytes(at + index) = (value >>> (56 - 8 * index)).toByte
      index += 1
    }
  }

  /** The lowest `count` hexadecimal digits of `value`, each so many times. */
  private def putDigits(bytes: Array[Byte], at: Int, value: Long, count: Int, times: Int): Unit = {
    var index = 0
    while (index < count) {
      val digit = Digits(((value >>> (4 * (count - 1 - index))) & 15).toInt)
      Arrays.fill(bytes, at + times * index, at + times * (index + 1), digit)
      index += 1
    }
  }

  /** `count` records in `partitions` runs of consecutive ones, computed where they are used. */
  def generated(context: SparkContext, count: Long, partitions: Int): RDD[Array[Byte]] =
    context.makeRDD(0 until partitions, partitions).mapPartitionsWithIndex { (index, _) =>
      between(bound(count, partitions, index), bound(count, partitions, index + 1))
    }

  private def bound(count: Long, partitions: Int, index: Int): Long = (BigInt(count) * index / partitions).toLong

  /** Keys as unsigned bytes. */
  object Order extends Ordering[Array[Byte]] {
    override def compare(one: Array[Byte], other: Array[Byte]): Int =
      Arrays.compareUnsigned(one, 0, KeyLength, other, 0, KeyLength)
  }

  /** A record's CRC-32. */
  def crc(record: Array[Byte]): Long = {
    val crc = new CRC32()
    crc.update(record)
    crc.getValue
  }

  def key(record: Array[Byte]): Array[Byte] = Arrays.copyOf(record, KeyLength)

  def shown(key: Array[Byte]): String = key.map(byte => f"$byte%02x").mkString
}

/** What one part of a data set holds: `first` and `last` are keys (none where it is empty), `falls` counts records whose
  * key is below the one before, `duplicates` those whose key equals it.
  */
case class TeraPart(
    name: String, records: Long, checksum: Unsigned128, first: Option[Array[Byte]], last: Option[Array[Byte]],
    falls: Long, duplicates: Long)

object TeraPart {
  def of(name: String, records: Iterator[Array[Byte]]): TeraPart = {
    var (count, falls, duplicates) = (0L, 0L, 0L)
    var checksum = Unsigned128.Zero
    var first, previous: Option[Array[Byte]] = None
    records.foreach { record =>
      count += 1
      checksum += Unsigned128(0, TeraRecords.crc(record))
      previous match {
        case None => first = Some(TeraRecords.key(record))
        case Some(before) =>
          val order = TeraRecords.Order.compare(record, before)
          if (order < 0) falls += 1
          if (order == 0) duplicates += 1
      }
      previous = Some(record)
    }
    TeraPart(name, count, checksum, first, previous.map(TeraRecords.key), falls, duplicates)
  }
}

/** How many records there are, and the sum of their CRC-32 as an unsigned number of 128 bits. */
case class TeraTotals(records: Long, checksum: Unsigned128)

object TeraTotals {
  def of(parts: Seq[TeraPart]): TeraTotals =
    TeraTotals(parts.map(_.records).sum, parts.map(_.checksum).foldLeft(Unsigned128.Zero)(_ + _))

  /** What the generator's records come to, made anew. */
  def generated(context: SparkContext, options: Options): TeraTotals = {
    val (count, partitions) = (options.long("num-records"), options.int("num-partitions"))
    of(TeraRecords.generated(context, count, partitions).mapPartitions(all => Iterator(TeraPart.of("", all))).collect().toSeq)
  }

  /** Throw WrongResult unless `found` is what was expected. */
  def same(found: TeraTotals, expected: TeraTotals, what: String): Unit = {
    if (found.records != expected.records)
      throw new WrongResult(s"$what holds ${found.records} records, not ${expected.records}")
    if (found.checksum != expected.checksum)
      throw new WrongResult(s"$what has the checksum ${found.checksum}, not ${expected.checksum}")
  }
}

object TeraOrder {
  /** Throw WrongResult unless keys never fall, within parts and from one to the next; how many equal the one before. */
  def check(parts: Seq[TeraPart]): Long = {
    for (part <- parts if part.falls > 0)
      throw new WrongResult(s"${part.name} is not sorted: the key falls ${part.falls} times")
    val filled = parts.filter(_.records > 0)
    val across = filled.zip(filled.drop(1)).map { case (one, next) =>
      val (end, begin) = (one.last.get, next.first.get)
      val order = TeraRecords.Order.compare(end, begin)
      if (order > 0)
        throw new WrongResult(
          s"${one.name} ends with the key ${TeraRecords.shown(end)}, and ${next.name} begins with " +
            TeraRecords.shown(begin))
      if (order == 0) 1L else 0L
    }
    parts.map(_.duplicates).sum + across.sum
  }
}
