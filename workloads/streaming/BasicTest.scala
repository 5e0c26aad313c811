package sparkbed.streaming

import org.apache.spark.SparkContext
import sparkbed.{Options, SamplesFile, WrongResult}

/** basic: whether a job of a hundred numbers works. As in spark-perf there is no stream in it. */
object Basic extends StreamingProgram("basic") {
  override val options: Set[String] = Set.empty

  override def validate(options: Options): Unit = ()

  override protected def run(context: SparkContext, options: Options, samples: SamplesFile): AnyRef = {
    val start = begin()
    val collected = context.makeRDD(1 to 100, 10).collect().toSeq
    samples.sample("trial_seconds", seconds(start), "s")
    if (collected != (1 to 100)) throw new WrongResult(s"of 1 to 100, ${collected.size} numbers came back")
    SamplesFile.mapping("verdict" -> "PASSED")
  }
}
