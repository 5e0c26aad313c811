package sparkbed.mllib

import org.apache.commons.math3.random.Well19937c
import org.apache.spark.SparkContext
import org.apache.spark.mllib.feature.{Word2Vec, Word2VecModel}
import org.apache.spark.rdd.RDD
import sparkbed.Options

import scala.collection.mutable

/** word2vec: sentences of 15 words on average, each word a number near the one before it. */
object Word2VecTest extends MllibTest[RDD[Seq[String]], Word2VecModel]("word2vec") {
  override def own: Set[String] = Set("num-sentences", "num-words", "vector-size", "num-iterations", "min-count")

  private val ends = 1.0 / 16
  private val step = 10

  override def generate(context: SparkContext, options: Options, seed: Long): RDD[Seq[String]] = {
    val words = options.int("num-words")
    val (likely, width) = (ends, step)
    val sentences = context
      .range(0L, options.long("num-sentences"), 1L, options.int("num-partitions"))
      .mapPartitionsWithIndex { (index, numbers) =>
        val random = new Well19937c(seed ^ index)
        numbers.map { _ =>
          val sentence = mutable.ArrayBuffer[String]()
          var word = random.nextInt(words)
          while (random.nextDouble() > likely) {
            word = Math.floorMod((word + random.nextGaussian() * width).toInt, words)
            sentence += word.toString
          }
          sentence.toSeq
        }
      }
      .cache()
    sentences.count()
    sentences
  }

  override def timed(context: SparkContext, options: Options, input: RDD[Seq[String]]): Word2VecModel =
    new Word2Vec()
      .setNumPartitions(math.ceil(math.pow(options.int("num-iterations"), 1.5)).toInt)
      .setNumIterations(options.int("num-iterations"))
      .setVectorSize(options.int("vector-size"))
      .setMinCount(options.int("min-count"))
      .setSeed(0L)
      .fit(input)

  /** There is a vector for every word that occurs often enough, and for no other. */
  override def judge(
      context: SparkContext, options: Options, input: RDD[Seq[String]], result: Word2VecModel,
      sample: (String, Double, String) => Unit): Seq[(String, AnyRef)] = {
    val least = options.int("min-count")
    val often = input.flatMap(identity).map(_ -> 1).reduceByKey(_ + _).filter(_._2 >= least).keys.collect().toSet
    val vectors = result.getVectors
    must(vectors.keySet == often, s"there are ${vectors.size} vectors for ${often.size} words")
    must(vectors.values.forall(_.length == options.int("vector-size")), "a vector has another length")
    must(vectors.values.forall(_.forall(one => !one.isNaN && !one.isInfinite)), "a vector is not finite")
    Seq("words" -> Int.box(vectors.size))
  }
}
