package sparkbed

import org.apache.spark.SparkContext

/** How long the tasks of a job slept: how many they were, and the shortest time in nanoseconds. */
case class Slept(tasks: Long, least: Long)

/** sleep: jobs whose tasks do nothing for a time, so that what is above it is the cluster's own. */
object Sleep extends Application[Unit, Seq[Slept]]("sleep") {
  override val options: Set[String] = Set("num-tasks", "num-jobs", "task-milliseconds")
  override def seeded: Boolean = false

  override def prepare(context: SparkContext, options: Options): Unit = ()

  override def body(context: SparkContext, options: Options, data: Unit): Seq[Slept] = {
    val (tasks, milliseconds) = (options.int("num-tasks"), options.long("task-milliseconds"))
    (1 to options.int("num-jobs")).map(_ => job(context, tasks, milliseconds))
  }

  private def job(context: SparkContext, tasks: Int, milliseconds: Long): Slept =
    context
      .makeRDD(1 to tasks, tasks)
      .map { _ =>
        val start = System.nanoTime()
        Thread.sleep(milliseconds)
        Slept(1, System.nanoTime() - start)
      }
      .reduce((one, other) => Slept(one.tasks + other.tasks, math.min(one.least, other.least)))

  override def check(context: SparkContext, options: Options, data: Unit, results: Seq[Seq[Slept]]): AnyRef = {
    val (tasks, milliseconds) = (options.long("num-tasks"), options.long("task-milliseconds"))
    for ((jobs, iteration) <- results.zipWithIndex; slept <- jobs) {
      if (slept.tasks != tasks) throw new WrongResult(s"iteration ${iteration + 1} ran ${slept.tasks} of $tasks tasks")
      // Clocks differ by a little: a sleep may seem to end a moment before its time.
      if (slept.least < milliseconds * 990000L)
        throw new WrongResult(s"a task slept ${slept.least / 1e6} ms of $milliseconds ms")
    }
    SamplesFile.mapping("tasks" -> Long.box(tasks), "jobs" -> Int.box(options.int("num-jobs")))
  }
}
