package org.apache.spark.sparkbed

import java.io.{FileOutputStream, PrintStream}

import org.apache.spark.executor.CoarseGrainedExecutorBackend

/** An executor on OSv: Spark's own but for its end. Spark's main calls System.exit, which on OSv is the instance's end. */
private[spark] object OsvExecutor {
  def main(arguments: Array[String]): Unit = {
    // The console is the instance's, and is shared with whatever ran before.
    val log = new PrintStream(new FileOutputStream(System.getProperty("sparkbed.log")), true)
    System.setOut(log)
    System.setErr(log)
    val spark = CoarseGrainedExecutorBackend
    spark.run(
      spark.parseArguments(arguments, "OsvExecutor"),
      (rpc, given, env, profile) =>
        new CoarseGrainedExecutorBackend(
          rpc, given.driverUrl, given.executorId, given.bindAddress, given.hostname, given.cores, env,
          given.resourcesFileOpt, profile))
  }
}
