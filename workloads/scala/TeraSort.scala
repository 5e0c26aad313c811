package sparkbed

import org.apache.hadoop.fs.Path
import org.apache.spark.SparkContext
import org.apache.spark.rdd.RDD
import org.apache.spark.storage.StorageLevel

/** What TeraSort's programs share: each repetition makes a result of its own, which is checked and taken away again. */
abstract class TeraProgram[Input, Output](name: String) extends Program(name) {
  override def seeded: Boolean = false

  /** Make the input; None where the program has none. */
  def prepare(context: SparkContext, options: Options): Option[Input]

  /** What is timed. `number` is the repetition's. */
  def timed(context: SparkContext, options: Options, input: Option[Input], number: Int): Output

  /** What the result holds, part by part in order. */
  def parts(context: SparkContext, output: Output): Seq[TeraPart]

  /** Throw WrongResult, or return what to record of the result. */
  def check(context: SparkContext, options: Options, found: Seq[TeraPart]): Seq[(String, AnyRef)]

  /** Take a repetition's result away, so that the next one finds memory and disk as this one did. */
  def remove(context: SparkContext, options: Options, number: Int): Unit = ()

  override protected def run(context: SparkContext, options: Options, samples: SamplesFile): AnyRef = {
    generated = None
    val begun = System.nanoTime()
    val input = prepare(context, options)
    if (input.nonEmpty) samples.sample("generate_seconds", seconds(begun), "s")
    val results = (1 to options.int("num-trials")).map { number =>
      restBefore(number, options)
      try {
        val start = begin()
        val output = timed(context, options, input, number)
        val time = seconds(start)
        samples.sample("trial_seconds", time, "s", number)
        val found = parts(context, output)
        val totals = TeraTotals.of(found)
        samples.sample("megabytes_per_second", totals.records * TeraRecords.Length / 1e6 / time, "MB/s", number)
        val others = check(context, options, found)
        SamplesFile.mapping(
          Seq("records" -> Long.box(totals.records), "checksum" -> totals.checksum.toString) ++ others: _*)
      } finally {
        remove(context, options, number)
        System.gc()
      }
    }
    results.last
  }

  /** What the generator's records come to, made once. */
  private var generated: Option[TeraTotals] = None

  protected def checkTotals(context: SparkContext, options: Options, found: Seq[TeraPart], what: String): Unit = {
    generated = generated.orElse(Some(TeraTotals.generated(context, options)))
    TeraTotals.same(TeraTotals.of(found), generated.get, what)
  }

  /** Where a repetition's own files lie. */
  protected def folder(context: SparkContext, options: Options, number: Int): String =
    new Path(options.text("storage-location"), s"output-${context.applicationId}-$number").toString
}

object Tera {
  val options: Set[String] = Set("num-records", "num-partitions", "storage-location")

  def generated(context: SparkContext, options: Options): RDD[Array[Byte]] =
    TeraRecords.generated(context, options.long("num-records"), options.int("num-partitions"))

  /** The records in order of their keys. Spark draws the borders between partitions from a sample, by a pass over all. */
  def sorted(records: RDD[Array[Byte]], partitions: Int): RDD[Array[Byte]] = {
    implicit val order: Ordering[Array[Byte]] = TeraRecords.Order
    records.map(record => (record, null)).sortByKey(numPartitions = partitions).keys
  }

  /** The generator's records as files, kept for launches with the same parameters. */
  def stored(context: SparkContext, options: Options, note: (String, AnyRef) => Unit): TeraFiles =
    kept(context, options, "tera", Seq("num-records", "num-partitions"), note)(generated(context, options))

  /** The same, sorted. */
  def storedSorted(context: SparkContext, options: Options, note: (String, AnyRef) => Unit): TeraFiles =
    kept(context, options, "tera-sorted", Seq("num-records", "num-partitions", "reduce-tasks"), note)(
      sorted(generated(context, options), options.int("reduce-tasks")))

  private def kept(
      context: SparkContext, options: Options, form: String, names: Seq[String], note: (String, AnyRef) => Unit)(
      records: => RDD[Array[Byte]]): TeraFiles = {
    val what = new StoredData(form, names.map(name => name -> options.text(name)))
    val count: (SparkContext, String) => Long = (context, folder) => new TeraFiles(context, folder).records.count()
    val (folder, made) = what.folder(context, options.text("storage-location"), options.long("num-records"), count) { folder =>
      TeraFiles.write(context, records, folder, sync = false)
    }
    note("stored_data", folder)
    note("stored_data_made", Boolean.box(made))
    new TeraFiles(context, folder)
  }
}

/** teragen: the time is that of making the records and writing them. */
object TeraGen extends TeraProgram[Nothing, TeraFiles]("teragen") {
  override val options: Set[String] = Tera.options
  override val flags: Set[String] = Set("final-sync")

  override def prepare(context: SparkContext, options: Options): Option[Nothing] = None

  override def timed(context: SparkContext, options: Options, input: Option[Nothing], number: Int): TeraFiles =
    TeraFiles.write(
      context, Tera.generated(context, options), folder(context, options, number), options.flag("final-sync"))

  override def parts(context: SparkContext, output: TeraFiles): Seq[TeraPart] = output.parts()

  override def check(context: SparkContext, options: Options, found: Seq[TeraPart]): Seq[(String, AnyRef)] = {
    checkTotals(context, options, found, "what was written")
    Seq.empty
  }

  override def remove(context: SparkContext, options: Options, number: Int): Unit =
    TeraFiles.remove(context, folder(context, options, number))
}

/** What terasort made: files, or partitions that Spark keeps. */
case class TeraOutput(files: Option[TeraFiles], kept: Option[RDD[Array[Byte]]])

/** terasort: input and output lie where persistent-type says. The time is from reading until what is sorted lies there. */
object TeraSort extends TeraProgram[RDD[Array[Byte]], TeraOutput]("terasort") {
  override val options: Set[String] = Tera.options ++ Set("reduce-tasks", "persistent-type")
  override val flags: Set[String] = Set("final-sync")

  private def level(options: Options): Option[StorageLevel] = options.text("persistent-type") match {
    case "memory" => Some(StorageLevel.MEMORY_ONLY)
    case "disk" => Some(StorageLevel.DISK_ONLY)
    case "hdfs" => None
    case other => throw new Usage(s"--persistent-type=$other: there are memory, disk and hdfs")
  }

  override def validate(options: Options): Unit = level(options)

  private def kept(records: RDD[Array[Byte]], level: StorageLevel): RDD[Array[Byte]] = {
    records.persist(level).count()
    records
  }

  /** What the current repetition keeps of its output. */
  private var last: Option[RDD[Array[Byte]]] = None

  override def prepare(context: SparkContext, options: Options): Option[RDD[Array[Byte]]] =
    Some(level(options) match {
      case Some(level) => kept(Tera.generated(context, options), level)
      case None => Tera.stored(context, options, notes.put).records
    })

  override def timed(
      context: SparkContext, options: Options, input: Option[RDD[Array[Byte]]], number: Int): TeraOutput = {
    val sorted = Tera.sorted(input.get, options.int("reduce-tasks"))
    level(options) match {
      case Some(level) =>
        last = Some(sorted)
        TeraOutput(None, Some(kept(sorted, level)))
      case None =>
        val target = folder(context, options, number)
        TeraOutput(Some(TeraFiles.write(context, sorted, target, options.flag("final-sync"))), None)
    }
  }

  override def parts(context: SparkContext, output: TeraOutput): Seq[TeraPart] =
    output.files.map(_.parts()).getOrElse {
      output.kept.get
        .mapPartitionsWithIndex((index, records) => Iterator(TeraPart.of(s"partition $index", records)))
        .collect()
        .toSeq
    }

  override def check(context: SparkContext, options: Options, found: Seq[TeraPart]): Seq[(String, AnyRef)] = {
    val duplicates = TeraOrder.check(found)
    checkTotals(context, options, found, "what was sorted")
    Seq("duplicate_keys" -> Long.box(duplicates))
  }

  override def remove(context: SparkContext, options: Options, number: Int): Unit = {
    last.foreach(_.unpersist(blocking = true))
    last = None
    if (level(options).isEmpty) TeraFiles.remove(context, folder(context, options, number))
  }
}

/** teravalidate: the time is that of reading what is sorted and comparing every key with the one before. */
object TeraValidate extends TeraProgram[TeraFiles, Seq[TeraPart]]("teravalidate") {
  override val options: Set[String] = Tera.options ++ Set("reduce-tasks", "validate-folder", "expected-checksum")

  private def given(options: Options): Option[String] = Some(options.text("validate-folder")).filter(_.nonEmpty)

  override def prepare(context: SparkContext, options: Options): Option[TeraFiles] =
    Some(given(options).map(new TeraFiles(context, _)).getOrElse(Tera.storedSorted(context, options, notes.put)))

  override def timed(
      context: SparkContext, options: Options, input: Option[TeraFiles], number: Int): Seq[TeraPart] =
    input.get.parts()

  override def parts(context: SparkContext, output: Seq[TeraPart]): Seq[TeraPart] = output

  override def check(context: SparkContext, options: Options, found: Seq[TeraPart]): Seq[(String, AnyRef)] = {
    val duplicates = TeraOrder.check(found)
    val (checksum, expected) = (TeraTotals.of(found).checksum.toString, options.text("expected-checksum"))
    if (given(options).isEmpty) checkTotals(context, options, found, "what was sorted")
    else if (expected.nonEmpty && checksum != expected)
      throw new WrongResult(s"the checksum is $checksum, not $expected")
    Seq("duplicate_keys" -> Long.box(duplicates))
  }
}
