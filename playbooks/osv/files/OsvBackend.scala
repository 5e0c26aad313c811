package org.apache.spark.sparkbed

import java.nio.file.Paths
import java.util.concurrent.ConcurrentHashMap

import scala.util.control.NonFatal

import org.apache.spark.{SparkConf, SparkContext, SparkException}
import org.apache.spark.internal.config
import org.apache.spark.rpc.{RpcAddress, RpcEndpointAddress}
import org.apache.spark.scheduler.{ExecutorProcessLost, TaskSchedulerImpl}
import org.apache.spark.scheduler.cluster.CoarseGrainedSchedulerBackend
import org.apache.spark.util.{ThreadUtils, Utils}

/** Starts one executor on each OSv instance, in the place of Spark's Worker, and watches them.
  *
  * Properties: `spark.sparkbed.osv.instances` (see OsvInstance.all), `.java`, `.spark` and `.local` (Java, Spark's folder
  * and a folder that can be written, within an instance), `.timeout` (seconds until an executor must have registered).
  */
private[spark] class OsvBackend(scheduler: TaskSchedulerImpl, context: SparkContext)
  extends CoarseGrainedSchedulerBackend(scheduler, context.env.rpcEnv) {
  private val instances = OsvInstance.all(setting("instances"))
  private val running = new ConcurrentHashMap[String, Running]()
  private val disconnected = ConcurrentHashMap.newKeySet[String]()
  @volatile private var stopping = false

  /** An executor that was started: the thread that it is on its instance. */
  private class Running(val id: String, val instance: OsvInstance, val thread: String) {
    val log = s"${prefix(id)}.log"
    override def toString: String = s"executor $id on ${instance.host}"
  }

  private def setting(name: String): String = context.conf.get(s"spark.sparkbed.osv.$name")

  private def prefix(id: String): String = s"${setting("local")}/sparkbed-${applicationId()}-$id"

  // Spark's own changes with every call.
  private val application = super.applicationId()
  override def applicationId(): String = application

  /** Returns once every executor has registered.
    *
    * Throws SparkException when one can't be started, ends before that, or takes longer than the timeout.
    */
  override def start(): Unit = {
    super.start()
    try {
      val numbered = instances.zipWithIndex.map { case (instance, number) => (number.toString, instance) }
      val failed = ThreadUtils.parmap(numbered, "osv-start", instances.size) { case (id, instance) =>
        try { launch(id, instance); None }
        catch { case problem: OsvFailed => Some(problem) } // parmap would hide it in an exception of its own
      }
      failed.flatten.headOption.foreach(throw _)
      awaitAll()
    } catch { case problem: OsvFailed => throw new SparkException(problem.getMessage, problem) }
    val watch = new Thread(() => this.watch(), "osv-watch")
    watch.setDaemon(true)
    watch.start()
  }

  private def launch(id: String, instance: OsvInstance): Unit = {
    val jar = Paths.get(classOf[OsvBackend].getProtectionDomain.getCodeSource.getLocation.toURI)
    val there = s"${setting("local")}/${jar.getFileName}"
    instance.upload(there, jar)
    // Hadoop would ask `whoami` who it is, and nothing can fork there.
    val environment = context.executorEnvs.toMap ++ Map("HADOOP_USER_NAME" -> "spark", "SPARK_EXECUTOR_DIRS" -> setting("local"))
    environment.foreach { case (name, value) => instance.set(name, value) }
    running.put(id, new Running(id, instance, instance.start(command(id, instance, there))))
    ()
  }

  /** The command line as Spark's own Worker builds it. */
  private def command(id: String, instance: OsvInstance, jar: String): Seq[String] = {
    val conf = context.conf
    val driver = RpcEndpointAddress(
      conf.get(config.DRIVER_HOST_ADDRESS), conf.get(config.DRIVER_PORT), CoarseGrainedSchedulerBackend.ENDPOINT_NAME)
    val options = conf.get(config.EXECUTOR_JAVA_OPTIONS).toSeq
      .flatMap(one => Utils.splitCommandString(Utils.substituteAppNExecIds(one, applicationId(), id)))
    val blocks = if (instance.port == 0) Nil else Seq(s"-D${config.BLOCK_MANAGER_PORT.key}=${instance.port}")
    val startup = Utils.sparkJavaOpts(conf, SparkConf.isExecutorStartupConf)
    val memory = s"${context.executorMemory}M"
    Seq(setting("java"), s"-Xms$memory", s"-Xmx$memory") ++ options ++ startup ++ blocks ++ Seq(
      s"-Dsparkbed.log=${prefix(id)}.log",
      "-cp", s"$jar:${setting("spark")}/conf:${setting("spark")}/jars/*",
      "org.apache.spark.sparkbed.OsvExecutor",
      "--driver-url", driver.toString,
      "--executor-id", id,
      "--bind-address", instance.bind,
      "--hostname", instance.address,
      "--cores", conf.get(config.EXECUTOR_CORES).toString,
      "--app-id", applicationId())
  }

  private def awaitAll(): Unit = {
    val timeout = setting("timeout").toInt
    val deadline = System.nanoTime() + timeout * 1000000000L
    while (getExecutorIds().size < instances.size) {
      running.values.forEach { one =>
        if (one.instance.finished(one.thread))
          throw new OsvFailed(s"$one ended before it had registered: ${one.instance.lastWords(one.log)}")
      }
      if (System.nanoTime() > deadline) {
        val missing = instances.indices.map(_.toString).filterNot(getExecutorIds().contains(_)).map(running.get(_))
        val said = missing.map(one => s"$one: ${one.instance.lastWords(one.log)}").mkString("; ")
        throw new OsvFailed(s"${missing.size} of ${instances.size} executors did not register within $timeout s: $said")
      }
      Thread.sleep(100)
    }
  }

  /** Looks after the executors until they are stopped; each that has ended is told once. */
  private def watch(): Unit =
    while (!stopping && !running.isEmpty) {
      running.values.forEach { one =>
        val ended =
          try { if (one.instance.finished(one.thread)) Some(s"ended: ${one.instance.lastWords(one.log)}") else None }
          catch { case problem: OsvFailed => if (disconnected.contains(one.id)) Some(problem.getMessage) else None }
        for (how <- ended if !stopping && running.remove(one.id) != null) {
          logError(s"$one $how")
          removeExecutor(one.id, ExecutorProcessLost(s"$one $how"))
        }
      }
      Thread.sleep(500)
    }

  /** An executor that has gone is removed when it is known why, but gets no more tasks. */
  override def createDriverEndpoint(): DriverEndpoint = new DriverEndpoint {
    override def onDisconnected(address: RpcAddress): Unit =
      addressToExecutorId.get(address).foreach { id =>
        disableExecutor(id)
        disconnected.add(id)
      }
  }

  /** Executors end by Spark's own message; the next application finds their instances free. */
  override def stop(): Unit = {
    stopping = true
    super.stop()
    val deadline = System.nanoTime() + OsvBackend.Farewell
    running.values.forEach { one =>
      try {
        while (!one.instance.finished(one.thread) && System.nanoTime() < deadline) Thread.sleep(50)
        if (!one.instance.finished(one.thread)) logWarning(s"$one has not ended")
      } catch { case NonFatal(problem) => logWarning(problem.getMessage) }
    }
  }
}

private[spark] object OsvBackend {
  private val Farewell = 20000000000L
}
