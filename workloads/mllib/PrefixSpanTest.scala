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
    val model = new PrefixSpan()
      .setMinSupport(options.double("min-support"))
      .setMaxPatternLength(options.int("max-pattern-len"))
      .setMaxLocalProjDBSize(options.long("max-local-proj-db-size"))
      .run(input)
    model.freqSequences.count()
    model
  }

  /** The sequences of one item are those that a plain count finds, with its counts. */
  override def judge(
      context: SparkContext, options: Options, input: RDD[Array[Array[Int]]], result: PrefixSpanModel[Int],
      sample: (String, Double, String) => Unit): Seq[(String, AnyRef)] = {
    val least = math.ceil(options.double("min-support") * input.count()).toLong
    val found = result.freqSequences.map(one => (one.sequence.toSeq.map(_.toSeq), one.freq)).cache()
    val single = found
      .filter { case (sequence, _) => sequence.size == 1 && sequence.head.size == 1 }
      .map { case (sequence, freq) => (sequence.head.head, freq) }
      .collectAsMap()
      .toMap
    val plain = Baskets.occurrences(input.map(_.toSeq.flatten)).filter(_._2 >= least).collectAsMap().toMap
    must(single == plain, s"${single.size} items are frequent; a plain count finds ${plain.size}")
    val longest = options.int("max-pattern-len")
    must(found.filter { case (sequence, _) => sequence.map(_.size).sum > longest }.isEmpty(), s"one is longer than $longest")
    Seq("items" -> Int.box(single.size), "sequences" -> Long.box(found.count()))
  }
}
