package sparkbed.mllib

import org.apache.spark.SparkContext
import org.apache.spark.mllib.fpm.{PrefixSpan, PrefixSpanModel}
import org.apache.spark.rdd.RDD
import sparkbed.Options

/** prefix-span: sequences that are frequent in random sequences of itemsets. */
object PrefixSpanTest extends MllibTest[RDD[Array[Array[Int]]], PrefixSpanModel[Int]]("prefix-span") {
  override def own: Set[String] = Set(
    "num-sequences", "avg-sequence-size", "avg-itemset-size", "num-items", "min-support", "max-pattern-len",
    "max-local-proj-db-size")

  override def generate(context: SparkContext, options: Options, seed: Long): RDD[Array[Array[Int]]] = {
    val (length, average) = (options.int("avg-sequence-size"), options.int("avg-itemset-size"))
    Baskets.rows(context, options, options.long("num-sequences"), seed) { baskets =>
      Array.fill(baskets.size(length))(baskets.basket(average)).filter(_.nonEmpty)
    }
  }

  override def timed(context: SparkContext, options: Options, input: RDD[Array[Array[Int]]]): PrefixSpanModel[Int] = {
    val model = search(options, input, options.double("min-support"))
    model.freqSequences.count()
    model
  }

  private def search(options: Options, input: RDD[Array[Array[Int]]], support: Double): PrefixSpanModel[Int] =
    new PrefixSpan()
      .setMinSupport(support)
      .setMaxPatternLength(options.int("max-pattern-len"))
      .setMaxLocalProjDBSize(options.long("max-local-proj-db-size"))
      .run(input)

  /** The sequences of one item are those that a plain count finds, with its counts; and a plain look through the data
    * counts some of the longest as often. Where nothing is as frequent as min-support, as with its default, another
    * search must find the most frequent items, which there always are.
    */
  override def judge(
      context: SparkContext, options: Options, input: RDD[Array[Array[Int]]], result: PrefixSpanModel[Int],
      sample: (String, Double, String) => Unit): Seq[(String, AnyRef)] = {
    val counts = Baskets.occurrences(input.map(_.toSeq.flatten)).cache()
    val (rows, most) = (input.count(), counts.values.max())
    val asked = options.double("min-support")
    val nothing = most < math.ceil(asked * rows).toLong
    if (nothing) must(result.freqSequences.isEmpty(), s"no item is in more than $most of $rows sequences")
    val support = if (nothing) (most - 0.5) / rows else asked // rounded up to `most`, whatever floats do
    val least = math.ceil(support * rows).toLong
    val searched = if (nothing) search(options, input, support) else result
    val found = searched.freqSequences.map(one => (one.sequence.toSeq.map(_.toSeq), one.freq)).cache()
    val single = found
      .filter { case (sequence, _) => sequence.size == 1 && sequence.head.size == 1 }
      .map { case (sequence, freq) => (sequence.head.head, freq) }
      .collectAsMap()
      .toMap
    val plain = counts.filter(_._2 >= least).collectAsMap().toMap
    must(single == plain, s"${single.size} items are frequent; a plain count finds ${plain.size}")
    val longest = options.int("max-pattern-len")
    must(found.filter { case (sequence, _) => sequence.map(_.size).sum > longest }.isEmpty(), s"one is longer than $longest")
    val some = found.sortBy({ case (sequence, _) => sequence.map(_.size).sum }, ascending = false).take(20)
    for (((sequence, freq), times) <- some.zip(PrefixSpanTest.occurrences(input, some.map(_._1).toSeq)))
      must(freq == times, s"${sequence.map(_.mkString("{", " ", "}")).mkString} is in $times sequences, not in $freq")
    val sequences = if (nothing) 0L else found.count()
    Seq("items" -> Int.box(if (nothing) 0 else single.size), "sequences" -> Long.box(sequences))
  }

  /** In how many of the rows each sequence occurs: its itemsets in that order, each within one of the row's. */
  private def occurrences(input: RDD[Array[Array[Int]]], sequences: Seq[Seq[Seq[Int]]]): Seq[Long] = {
    val found = input
      .flatMap(row => sequences.indices.filter(index => PrefixSpanTest.holds(row.map(_.toSet), sequences(index))))
      .countByValue()
    sequences.indices.map(found.getOrElse(_, 0L))
  }

  private def holds(row: Array[Set[Int]], sequence: Seq[Seq[Int]]): Boolean = {
    val end = sequence.foldLeft(0) { (from, itemset) =>
      val at = if (from < 0) -1 else row.indexWhere(set => itemset.forall(set), from)
      if (at < 0) -1 else at + 1
    }
    end >= 0
  }
}
