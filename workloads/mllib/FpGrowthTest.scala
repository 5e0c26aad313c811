package sparkbed.mllib

import org.apache.spark.SparkContext
import org.apache.spark.mllib.fpm.{FPGrowth, FPGrowthModel}
import org.apache.spark.rdd.RDD
import sparkbed.Options

/** fp-growth: itemsets that are frequent in random baskets. */
object FpGrowthTest extends MllibTest[RDD[Array[Integer]], FPGrowthModel[Integer]]("fp-growth") {
  override def own: Set[String] = Set("num-baskets", "avg-basket-size", "num-items", "min-support")

  override def generate(context: SparkContext, options: Options, seed: Long): RDD[Array[Integer]] = {
    val average = options.int("avg-basket-size")
    Baskets.rows(context, options, options.long("num-baskets"), seed)(_.basket(average).map(Int.box))
  }

  override def timed(context: SparkContext, options: Options, input: RDD[Array[Integer]]): FPGrowthModel[Integer] = {
    val model = new FPGrowth()
      .setMinSupport(options.double("min-support"))
      .setNumPartitions(input.partitions.length * 8)
      .run(input)
    model.freqItemsets.count()
    model
  }

  /** The itemsets of one item are those that a plain count finds, with its counts; no other is frequent without them. */
  override def judge(
      context: SparkContext, options: Options, input: RDD[Array[Integer]], result: FPGrowthModel[Integer],
      sample: (String, Double, String) => Unit): Seq[(String, AnyRef)] = {
    val least = math.ceil(options.double("min-support") * input.count()).toLong
    val itemsets = result.freqItemsets.map(one => (one.items.toSeq.map(_.intValue), one.freq)).cache()
    val single = itemsets.filter(_._1.size == 1).map { case (items, freq) => (items.head, freq) }.collectAsMap().toMap
    val plain = Baskets.occurrences(input.map(_.toSeq.map(_.intValue))).filter(_._2 >= least).collectAsMap().toMap
    must(single == plain, s"${single.size} items are frequent; a plain count finds ${plain.size}")
    val larger = itemsets.filter(_._1.size > 1)
    val wrong = larger.filter { case (items, freq) => freq < least || items.exists(item => plain.get(item).forall(_ < freq)) }
    must(wrong.isEmpty(), s"an itemset can't be as frequent as that: ${wrong.take(1).mkString}")
    Seq("items" -> Int.box(single.size), "itemsets" -> Long.box(itemsets.count()))
  }
}
