package sparkbed.mllib

import org.apache.commons.math3.random.Well19937c
import org.apache.spark.SparkContext
import org.apache.spark.mllib.clustering.{DistributedLDAModel, LDA, LDAModel}
import org.apache.spark.mllib.linalg.{Vector, Vectors}
import org.apache.spark.rdd.RDD
import sparkbed.{Options, WrongResult}

/** lda: topics of documents whose words are drawn evenly from the vocabulary. */
object LdaTest extends MllibTest[RDD[(Long, Vector)], LDAModel]("lda") {
  override def own: Set[String] =
    Set("num-documents", "num-vocab", "num-topics", "num-iterations", "document-length", "optimizer")

  override def generate(context: SparkContext, options: Options, seed: Long): RDD[(Long, Vector)] = {
    val (words, length) = (options.int("num-vocab"), options.int("document-length"))
    val documents = context
      .range(0L, options.long("num-documents"), 1L, options.int("num-partitions"))
      .mapPartitionsWithIndex { (index, numbers) =>
        val random = new Well19937c(seed ^ index)
        numbers.map { number =>
          val counts = Seq.fill(length)(random.nextInt(words)).groupBy(identity)
          (number, Vectors.sparse(words, counts.toSeq.map { case (word, found) => (word, found.size.toDouble) }))
        }
      }
      .cache()
    documents.count()
    documents
  }

  override def timed(context: SparkContext, options: Options, input: RDD[(Long, Vector)]): LDAModel =
    trained(options, input, options.int("num-iterations"))

  private def trained(options: Options, input: RDD[(Long, Vector)], iterations: Int): LDAModel =
    new LDA()
      .setK(options.int("num-topics"))
      .setMaxIterations(iterations)
      .setOptimizer(options.text("optimizer"))
      .setSeed(options.long("random-seed"))
      .run(input)

  /** Every topic has a weight for every word. For em, they add up to all words of all documents, and the documents are
    * likelier than by the topics that it began with: each of its steps makes them so. For online, words that are more
    * frequent have more weight, which is random at the beginning: three deviations of that are asked for.
    */
  override def judge(
      context: SparkContext, options: Options, input: RDD[(Long, Vector)], result: LDAModel,
      sample: (String, Double, String) => Unit): Seq[(String, AnyRef)] = {
    val topics = result.topicsMatrix
    val (words, count) = (options.int("num-vocab"), options.int("num-topics"))
    must(topics.numRows == words && topics.numCols == count, s"the topics are ${topics.numRows} x ${topics.numCols}")
    val weights = topics.toArray
    must(weights.forall(one => one >= 0 && !one.isNaN && !one.isInfinite), "a weight is no finite number from 0")
    if (options.text("optimizer") == "em") {
      same("the sum of all weights", weights.sum, options.double("num-documents") * options.int("document-length"))
      val (found, before) = (likelihood(result), likelihood(trained(options, input, 0)))
      must(
        found > before + 1e-9 * math.abs(before),
        s"the log likelihood is $found, and was $before before the first step: nothing was learnt")
    } else {
      val found = new Array[Double](words)
      input
        .flatMap { case (_, document) =>
          val sparse = document.toSparse
          sparse.indices.iterator.zip(sparse.values.iterator)
        }
        .reduceByKey(_ + _)
        .toLocalIterator
        .foreach { case (word, times) => found(word) = times }
      val related = LdaTest.correlation(found, Array.tabulate(words)(word => (0 until count).map(topics(word, _)).sum))
      must(
        related > 3 / math.sqrt(words.toDouble),
        s"words' weights have nothing to do with how often they occur (correlation $related): nothing was learnt")
    }
    Seq("topics" -> Int.box(count), "weight" -> Double.box(weights.sum))
  }

  /** The logarithm of what em makes large, for the documents that it was trained on. */
  private def likelihood(model: LDAModel): Double = model match {
    case whole: DistributedLDAModel => whole.logLikelihood + whole.logPrior
    case other => throw new WrongResult(s"em gave a ${other.getClass.getSimpleName}, which has no documents")
  }

  private def correlation(one: Array[Double], other: Array[Double]): Double = {
    val (mean, otherMean) = (one.sum / one.length, other.sum / other.length)
    var (both, square, otherSquare) = (0.0, 0.0, 0.0)
    for (index <- one.indices) {
      val (a, b) = (one(index) - mean, other(index) - otherMean)
      both += a * b
      square += a * a
      otherSquare += b * b
    }
    both / math.sqrt(square * otherSquare)
  }
}
