package sparkbed

import java.io.{IOException, Writer}
import java.nio.charset.StandardCharsets
import java.nio.file.{Files, Paths}
import java.util.{ArrayList, LinkedHashMap}

import com.fasterxml.jackson.databind.ObjectMapper
import org.apache.spark.{SparkConf, SparkContext}

import scala.util.control.NonFatal

/** The program ran, and what it computed is not right. */
class WrongResult(message: String) extends Exception(message)

/** The program can't go on, for a reason that a person can mend. */
class Failed(message: String) extends Exception(message)

/** An option is unknown, missing or no such value. */
class Usage(message: String) extends Exception(message)

/** Options as --name=value, and --name for a flag. All but flags must be there; none but the known may be. */
class Options(arguments: Seq[String], known: Set[String], flags: Set[String]) {
  private val values: Map[String, String] = arguments.map { argument =>
    if (!argument.startsWith("--")) throw new Usage(s"not an option: $argument")
    argument.drop(2).split("=", 2) match {
      case Array(name, value) if known(name) => name -> value
      case Array(name) if flags(name) => name -> "true"
      case Array(name, _) if flags(name) => throw new Usage(s"--$name takes no value")
      case Array(name) if known(name) => throw new Usage(s"--$name needs a value")
      case _ => throw new Usage(s"unknown option $argument; there are: ${(known ++ flags).toSeq.sorted.mkString(", ")}")
    }
  }.toMap

  private val missing = (known -- values.keySet).toSeq.sorted
  if (missing.nonEmpty) throw new Usage(s"missing: ${missing.map("--" + _).mkString(", ")}")

  def text(name: String): String = values(name)
  def flag(name: String): Boolean = values.contains(name)
  def int(name: String): Int = number(name, _.toInt)
  def long(name: String): Long = number(name, _.toLong)
  def double(name: String): Double = number(name, _.toDouble)

  private def number[T](name: String, read: String => T): T =
    try read(values(name))
    catch { case _: NumberFormatException => throw new Usage(s"--$name: '${values(name)}' is no such number") }
}

/** The JSON lines that a launch leaves: each is on disk at once, so that a killed program leaves what it had. */
class SamplesFile(path: String) {
  private val mapper = new ObjectMapper()
  private val out: Writer = Files.newBufferedWriter(Paths.get(path), StandardCharsets.UTF_8)

  def sample(metric: String, value: Double, unit: String): Unit =
    write("metric" -> metric, "value" -> Double.box(value), "unit" -> unit)

  def sample(metric: String, value: Double, unit: String, iteration: Int): Unit =
    write("metric" -> metric, "value" -> Double.box(value), "unit" -> unit, "iteration" -> Int.box(iteration))

  /** What is not kept is on record, and is not counted. */
  def sample(metric: String, value: Double, unit: String, iteration: Int, kept: Boolean): Unit =
    write(
      "metric" -> metric, "value" -> Double.box(value), "unit" -> unit, "iteration" -> Int.box(iteration),
      "kept" -> Boolean.box(kept))

  def fact(name: String, value: Any): Unit = write("fact" -> name, "value" -> value.asInstanceOf[AnyRef])

  def error(message: String): Unit = write("error" -> message)

  def close(): Unit = out.close()

  private def write(entries: (String, AnyRef)*): Unit = {
    out.write(mapper.writeValueAsString(SamplesFile.mapping(entries: _*)) + "\n")
    out.flush() // throws when the disk is full
  }
}

object SamplesFile {
  /** A mapping that keeps its order in JSON. */
  def mapping(entries: (String, AnyRef)*): LinkedHashMap[String, AnyRef] = {
    val result = new LinkedHashMap[String, AnyRef]()
    entries.foreach { case (key, value) => result.put(key, value) }
    result
  }
}

/** What the Scala workloads share: options, waiting for executors, samples and ending. */
abstract class Program(name: String) {
  /** Facts that a workload wants recorded beside the common ones. */
  protected val notes: LinkedHashMap[String, AnyRef] = new LinkedHashMap[String, AnyRef]()

  /** Options beside the common ones. */
  def options: Set[String]
  def flags: Set[String] = Set.empty

  /** Whether its data come from random-seed. */
  def seeded: Boolean = true

  /** Throw Usage for values that can't work. */
  def validate(options: Options): Unit = ()

  /** Everything between the executors' coming and the context's end; what to record of the result. */
  protected def run(context: SparkContext, options: Options, samples: SamplesFile): AnyRef

  /** Options that every program takes. */
  protected def common: Set[String] =
    Set("samples", "expected-executors", "executor-deadline", "num-trials", "inter-trial-wait")

  def main(arguments: Array[String]): Unit = {
    val started = System.nanoTime()
    val given =
      try {
        val read = new Options(arguments.toSeq, common ++ options ++ (if (seeded) Set("random-seed") else Set.empty), flags)
        validate(read)
        read
      } catch { case problem: Usage => end(s"wrong usage: ${problem.getMessage}", 2) }
    val samples =
      try new SamplesFile(given.text("samples"))
      catch { case problem: IOException => end(s"the samples file can't be written: ${problem.getMessage}", 1) }
    var context: Option[SparkContext] = None
    val failure =
      try {
        context = Some(new SparkContext(new SparkConf().setAppName(s"sparkbed $name")))
        measure(context.get, given, samples, started)
        None
      } catch {
        case problem: WrongResult => Some(s"wrong result: ${problem.getMessage}")
        case problem: Failed => Some(problem.getMessage)
        case problem: Usage => Some(s"wrong usage: ${problem.getMessage}")
        case NonFatal(problem) =>
          problem.printStackTrace()
          Some(s"${problem.getClass.getSimpleName}: ${String.valueOf(problem.getMessage).linesIterator.take(1).mkString}")
      }
    context.foreach(_.stop())
    val unwritten =
      try {
        failure.foreach(samples.error)
        samples.fact("ended", Double.box(unixSeconds()))
        samples.sample("application_seconds", seconds(started), "s")
        samples.close()
        None
      } catch { case problem: IOException => Some(s"the samples file can't be written: ${problem.getMessage}") }
    failure.orElse(unwritten).foreach(end(_, 1))
  }

  private def end(message: String, code: Int): Nothing = {
    System.err.println(s"sparkbed: $message")
    sys.exit(code)
  }

  private def measure(context: SparkContext, given: Options, samples: SamplesFile, started: Long): Unit = {
    waitForExecutors(context, given.int("expected-executors"), given.double("executor-deadline"))
    samples.sample("ready_seconds", seconds(started), "s")
    recordFacts(samples, context)
    try samples.fact("result", run(context, given, samples))
    finally notes.forEach((fact, value) => samples.fact(fact, value))
    samples.fact("iterations_began", began)
    samples.fact("executors_at_end", Int.box(countExecutors(context)))
    if (flags("wait-for-exit") && given.flag("wait-for-exit")) {
      println("sparkbed: done; press Enter to end the application")
      scala.io.StdIn.readLine()
    }
  }

  protected def restBefore(iteration: Int, given: Options): Unit =
    if (iteration > 1) Thread.sleep((given.double("inter-trial-wait") * 1000).toLong)

  /** The moments at which timed repetitions began, in Unix seconds: by these their tasks are found in the event log. */
  private val began = new ArrayList[java.lang.Double]()

  /** Note that a timed repetition begins now, and give the moment that its seconds count from. */
  protected def begin(): Long = {
    beganAt(unixSeconds())
    System.nanoTime()
  }

  /** Note when a timed repetition began that Spark itself timed. */
  protected def beganAt(unixSeconds: Double): Unit = {
    began.add(unixSeconds)
    ()
  }

  private def unixSeconds(): Double = System.currentTimeMillis() / 1e3

  protected def seconds(since: Long): Double = (System.nanoTime() - since) / 1e9

  /** The executors that have registered with this driver. In local mode there are none beside the driver. */
  private def countExecutors(context: SparkContext): Int = context.getExecutorMemoryStatus.size - 1

  private def waitForExecutors(context: SparkContext, expected: Int, deadline: Double): Unit = {
    val start = System.nanoTime()
    while (countExecutors(context) < expected) {
      if (seconds(start) > deadline)
        throw new Failed(
          s"${countExecutors(context)} of $expected expected executors registered within $deadline s; " +
            "has the cluster the cores and memory for them?")
      Thread.sleep(20)
    }
  }

  private def recordFacts(samples: SamplesFile, context: SparkContext): Unit = {
    samples.fact("application_id", context.applicationId)
    samples.fact("spark_version", context.version)
    samples.fact("scala_version", scala.util.Properties.versionNumberString)
    samples.fact("java_version", System.getProperty("java.version"))
    samples.fact("master", context.master)
    samples.fact("default_parallelism", Int.box(context.defaultParallelism))
    samples.fact("executors", Int.box(countExecutors(context)))
  }
}

/** A workload whose data are made once: it says what it makes ready (outside the time), what is timed, and what must
  * hold of the results.
  */
abstract class Application[Data, Result](name: String) extends Program(name) {
  def prepare(context: SparkContext, options: Options): Data
  def body(context: SparkContext, options: Options, data: Data): Result

  /** Throw WrongResult, or return what to record of the result. */
  def check(context: SparkContext, options: Options, data: Data, results: Seq[Result]): AnyRef

  override protected def run(context: SparkContext, options: Options, samples: SamplesFile): AnyRef = {
    val start = System.nanoTime()
    val data = prepare(context, options)
    samples.sample("generate_seconds", seconds(start), "s")
    // As in spark-perf: garbage collection and sleep are outside the time.
    val results = (1 to options.int("num-trials")).map { iteration =>
      restBefore(iteration, options)
      val start = begin()
      val result = body(context, options, data)
      samples.sample("trial_seconds", seconds(start), "s", iteration)
      System.gc()
      result
    }
    check(context, options, data, results)
  }
}
