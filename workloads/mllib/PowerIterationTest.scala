package sparkbed.mllib

import org.apache.spark.SparkContext
import org.apache.spark.mllib.clustering.{PowerIterationClustering, PowerIterationClusteringModel}
import org.apache.spark.rdd.RDD
import sparkbed.Options

/** pic: points in a ring, each alike to its node-degree nearest; nothing is drawn at random. */
object PowerIterationTest
    extends MllibTest[RDD[(Long, Long, Double)], PowerIterationClusteringModel]("pic") {
  override def own: Set[String] = Set("num-examples", "node-degree", "num-centers", "num-iterations")

  override def generate(context: SparkContext, options: Options, seed: Long): RDD[(Long, Long, Double)] = {
    val (points, degree) = (options.long("num-examples"), options.int("node-degree"))
    val similarities = context.range(0L, points, 1L, options.int("num-partitions")).flatMap { point =>
      (1 to degree / 2).map(step => (point, (point - step + points) % points, 1.0))
    }
    similarities.count()
    similarities
  }

  override def timed(
      context: SparkContext, options: Options, input: RDD[(Long, Long, Double)]): PowerIterationClusteringModel = {
    val model = new PowerIterationClustering()
      .setK(options.int("num-centers"))
      .setMaxIterations(options.int("num-iterations"))
      .run(input)
    model.assignments.count()
    model
  }

  /** Every point is assigned once, to a cluster that there is. As neighbours are alike, they share a cluster more often
    * than they would by chance, by at least five deviations (unless the ring is so small that all are alike).
    */
  override def judge(
      context: SparkContext, options: Options, input: RDD[(Long, Long, Double)], result: PowerIterationClusteringModel,
      sample: (String, Double, String) => Unit): Seq[(String, AnyRef)] = {
    val (points, clusters) = (options.long("num-examples"), options.int("num-centers"))
    val assigned = result.assignments.map(one => (one.id, one.cluster)).cache()
    must(assigned.count() == points, s"${assigned.count()} assignments of $points points")
    must(assigned.keys.distinct().count() == points, "a point is assigned twice")
    must(assigned.values.filter(one => one < 0 || one >= clusters).isEmpty(), s"a cluster is not one of $clusters")
    val sizes = assigned.values.countByValue().values.map(_.toDouble / points)
    if (points > 2L * options.int("node-degree") && clusters > 1) {
      val following = assigned.map { case (point, cluster) => ((point + 1) % points, cluster) }
      val together = assigned.join(following).values.filter { case (one, other) => one == other }.count().toDouble / points
      val chance = sizes.map(share => share * share).sum
      must(
        together > chance + 5 * math.sqrt(chance * (1 - chance) / points),
        s"$together of the neighbours share a cluster, and $chance would by chance: the clusters are none")
    }
    Seq("points" -> Long.box(points), "clusters" -> Int.box(sizes.size))
  }
}
