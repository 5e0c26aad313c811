package sparkbed.mllib

import java.util.Random

import org.apache.spark.SparkContext
import org.apache.spark.mllib.recommendation.{ALS, MatrixFactorizationModel, Rating}
import org.apache.spark.rdd.RDD
import sparkbed.Options

/** als: ratings of random products by random users, factorised by alternating least squares. */
object AlsTest extends PredictionTest[Rating, MatrixFactorizationModel]("als") {
  override def own: Set[String] =
    Set("num-users", "num-products", "num-ratings", "num-iterations", "rank", "reg-param")
  override val flags: Set[String] = Set("implicit-prefs")

  /** Ratings from 0 to 5, or 0 and 1 when they are implicit; one of each user and product. The test set has only users
    * and products that the training set has, and none of its pairs.
    */
  override def generate(context: SparkContext, options: Options, seed: Long): Split[Rating] = {
    val partitions = options.int("num-partitions")
    val (users, products, ratings) = (options.int("num-users"), options.int("num-products"), options.long("num-ratings"))
    val binary = options.flag("implicit-prefs")
    def draw(random: Random): Rating =
      Rating(random.nextInt(users), random.nextInt(products), if (binary) random.nextInt(2) else random.nextDouble() * 5)
    def drawn(count: Long, seed: Long): RDD[((Int, Int), Rating)] =
      Drawn.rows(context, count, partitions, seed)(draw(_))
        .map(rating => ((rating.user, rating.product), rating))
        .reduceByKey((one, _) => one, partitions)
    val train = drawn(ratings, seed).cache()
    val other = drawn(math.ceil(ratings * 0.25).toLong, seed + 24).subtractByKey(train).values
    val known = other
      .map(rating => (rating.user, rating))
      .leftSemi(train.values.map(_.user))
      .map(rating => (rating.product, rating))
      .leftSemi(train.values.map(_.product))
    val kept = train.values.cache()
    kept.count()
    Split(kept, known)
  }

  private implicit class Keyed(data: RDD[(Int, Rating)]) {
    /** The values whose key is among `keys`. */
    def leftSemi(keys: RDD[Int]): RDD[Rating] = data.join(keys.distinct().map(_ -> true)).values.map(_._1)
  }

  override def timed(
      context: SparkContext, options: Options, input: Split[Rating]): MatrixFactorizationModel =
    new ALS()
      .setIterations(options.int("num-iterations"))
      .setRank(options.int("rank"))
      .setLambda(options.double("reg-param"))
      .setSeed(options.long("random-seed") + 12)
      .setBlocks(input.train.partitions.length)
      .setImplicitPrefs(options.flag("implicit-prefs"))
      .run(input.train)

  override def unit(options: Options): String = "RMSE"

  override def metric(options: Options, model: MatrixFactorizationModel, data: RDD[Rating]): Double = {
    val binary = options.flag("implicit-prefs")
    val predicted = model.predict(data.map(rating => (rating.user, rating.product))).map { rating =>
      ((rating.user, rating.product), if (binary) math.max(math.min(rating.rating, 1.0), 0.0) else rating.rating)
    }
    val pairs = predicted.join(data.map(rating => ((rating.user, rating.product), rating.rating))).values
    if (pairs.isEmpty()) 0.0 else Metrics.rmse(pairs)
  }

  /** There is a factor for every user and product, and explicit ratings are predicted better than by zero. */
  override def checkModel(
      options: Options, model: MatrixFactorizationModel, train: RDD[Rating], trainingMetric: Double): Unit = {
    same("the number of users", model.userFeatures.count().toDouble, train.map(_.user).distinct().count().toDouble)
    same(
      "the number of products", model.productFeatures.count().toDouble, train.map(_.product).distinct().count().toDouble)
    val without = math.sqrt(train.map(rating => rating.rating * rating.rating).mean())
    must(
      options.flag("implicit-prefs") || trainingMetric < without,
      s"the model's error ($trainingMetric) is not smaller than that of predicting 0 ($without)")
  }
}
