import org.apache.spark.{SparkConf, SparkContext}

/** What one writes to see how many tasks Spark schedules in a second: `Loop JOBS TASKS REPETITIONS`. */
object Loop {
  def main(arguments: Array[String]): Unit = {
    val Array(jobs, tasks, repetitions) = arguments.map(_.toInt)
    val context = new SparkContext(new SparkConf().setAppName("loop"))
    for (_ <- 1 to repetitions) {
      val start = System.nanoTime()
      for (_ <- 1 to jobs) {
        val counted = context.makeRDD(1 to tasks, tasks).mapPartitions(numbers => numbers).count()
        if (counted != tasks) sys.error(s"$counted of $tasks tasks")
      }
      println(s"took ${(System.nanoTime() - start) / 1e9} s")
      System.gc()
    }
    context.stop()
  }
}
