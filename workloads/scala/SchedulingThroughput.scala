package sparkbed

import java.util.Random

import org.apache.spark.SparkContext

/** scheduling-throughput: jobs of many tasks that handle one number each, with random bytes in their closure. */
object SchedulingThroughput extends Application[Array[Byte], Seq[Long]]("scheduling-throughput") {
  override val options: Set[String] = Set("num-tasks", "num-jobs", "closure-size")

  override def prepare(context: SparkContext, options: Options): Array[Byte] = {
    val bytes = new Array[Byte](options.int("closure-size"))
    new Random(options.long("random-seed")).nextBytes(bytes)
    bytes
  }

  override def body(context: SparkContext, options: Options, data: Array[Byte]): Seq[Long] =
    (1 to options.int("num-jobs")).map(_ => job(context, options.int("num-tasks"), data))

  /** `carried` is used in the function, so it travels with every task. */
  private def job(context: SparkContext, tasks: Int, carried: Array[Byte]): Long =
    context
      .makeRDD(1 to tasks, tasks)
      .mapPartitions { numbers =>
        carried.length
        numbers
      }
      .count()

  override def check(
      context: SparkContext, options: Options, data: Array[Byte], results: Seq[Seq[Long]]): AnyRef = {
    val expected = options.long("num-tasks")
    for ((counts, iteration) <- results.zipWithIndex; count <- counts if count != expected)
      throw new WrongResult(s"iteration ${iteration + 1} counted $count of $expected tasks")
    SamplesFile.mapping("tasks" -> Long.box(expected), "jobs" -> Int.box(options.int("num-jobs")))
  }
}
