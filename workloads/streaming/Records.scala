package sparkbed.streaming

import sparkbed.{Options, WrongResult}

import scala.collection.mutable
import scala.util.hashing.byteswap64

/** The records of a key-value test: the one number `index` of a stream is always the same, so that a result can be held
  * against what was sent, however much that was.
  *
  * Keys and values are drawn evenly; their text is padded with zeros to the width of how many there are.
  */
case class Records(seed: Int, uniqueKeys: Int, uniqueValues: Int) {
  private val keyWidth = uniqueKeys.toString.length
  val valueWidth: Int = uniqueValues.toString.length

  def numbers(stream: Int, index: Long): (Int, Int) = {
    val drawn = byteswap64(index + 1) ^ byteswap64((seed.toLong << 32) ^ (stream + 1L))
    val key = byteswap64(drawn)
    (Math.floorMod(key, uniqueKeys.toLong).toInt, Math.floorMod(byteswap64(key + 1), uniqueValues.toLong).toInt)
  }

  def texts(stream: Int, index: Long): (String, String) = {
    val (key, value) = numbers(stream, index)
    (Records.padded(key, keyWidth), Records.padded(value, valueWidth))
  }
}

object Records {
  def of(options: Options): Records =
    Records(options.int("random-seed"), options.int("unique-keys"), options.int("unique-values"))

  private def padded(number: Int, width: Int): String = {
    val digits = number.toString
    "0" * (width - digits.length) + digits
  }
}

/** What a batch gave, put into three numbers that no order of its records changes: keys, values, and a checksum over
  * the pairs of both.
  */
case class Summary(keys: Long, values: Long, checksum: Long) {
  def +(other: Summary): Summary = Summary(keys + other.keys, values + other.values, checksum + other.checksum)
}

object Summary {
  val Nothing: Summary = Summary(0, 0, 0)

  def check(key: Long, value: Long): Long = byteswap64(byteswap64(key + 1) + value)

  /** One key with the sum of its values. */
  def ofSum(key: String, sum: Long): Summary = Summary(1, 1, check(key.toLong, sum))

  /** One key with its values. */
  def ofValues(key: String, values: Iterable[String]): Summary = {
    val number = key.toLong
    values.foldLeft(Summary(1, 0, 0)) { (whole, value) => whole + Summary(0, 1, check(number, value.toLong)) }
  }

  /** One key with its values, as one text of pieces of `width` characters. */
  def ofJoined(key: String, joined: String, width: Int): Summary =
    ofValues(key, joined.grouped(width).toSeq)
}

/** What the batches must have given, told from the records that were sent: streams' numbers of records, batch by batch. */
abstract class Expected(records: Records) {
  private val sent = mutable.Map.empty[Int, Long]

  /** Take a batch in; what it must give. */
  def next(counts: Seq[(Int, Long)]): Summary = {
    val pairs = counts.iterator.flatMap { case (stream, count) =>
      val from = sent.getOrElse(stream, 0L)
      sent(stream) = from + count
      Iterator.iterate(from)(_ + 1).takeWhile(_ < from + count).map(records.numbers(stream, _))
    }
    add(pairs)
  }

  protected def add(pairs: Iterator[(Int, Int)]): Summary
}

/** Each key's sum over all batches so far. */
class ExpectedSums(records: Records) extends Expected(records) {
  private val sums = mutable.LongMap.empty[Long]
  private var whole = Summary.Nothing

  override protected def add(pairs: Iterator[(Int, Int)]): Summary = {
    pairs.foreach { case (key, value) =>
      val before = sums.get(key.toLong)
      val sum = before.getOrElse(0L) + value
      sums(key.toLong) = sum
      val gone = before.fold(Summary.Nothing)(old => Summary(-1, -1, -Summary.check(key, old)))
      whole = whole + Summary(1, 1, Summary.check(key, sum)) + gone
    }
    whole
  }
}

/** The pairs of the last `batches` batches. */
class ExpectedWindow(records: Records, batches: Int) extends Expected(records) {
  private val window = mutable.Queue.empty[Seq[(Int, Int)]]

  override protected def add(pairs: Iterator[(Int, Int)]): Summary = {
    window.enqueue(pairs.toVector)
    if (window.size > batches) window.dequeue()
    val all = window.iterator.flatten.toSeq
    Summary(all.map(_._1).distinct.size.toLong, all.size.toLong, all.map { case (k, v) => Summary.check(k, v) }.sum)
  }
}

object Expected {
  /** Throw WrongResult unless every batch gave what it must. `found` has each batch's counts and what it gave. */
  def check(expected: Expected, found: Seq[(Seq[(Int, Long)], Summary)]): Unit =
    for (((counts, summary), number) <- found.zipWithIndex) {
      val right = expected.next(counts)
      if (summary != right)
        throw new WrongResult(
          s"batch ${number + 1} gave ${summary.keys} keys and ${summary.values} values (checksum ${summary.checksum}); " +
            s"its records make ${right.keys} and ${right.values} (${right.checksum})")
    }
}
