package sparkbed

import java.io.IOException

import org.apache.hadoop.conf.Configuration
import org.apache.hadoop.fs.{LocalFileSystem, Path}
import org.apache.hadoop.io.{BytesWritable, LongWritable}
import org.apache.hadoop.mapreduce.{RecordWriter, TaskAttemptContext}
import org.apache.hadoop.mapreduce.lib.input.{FileSplit, FixedLengthInputFormat}
import org.apache.hadoop.mapreduce.lib.output.FileOutputFormat
import org.apache.spark.SparkContext
import org.apache.spark.rdd.{NewHadoopRDD, RDD}

/** A folder of records: each part is a file that holds nothing else, and each file is read by one task. */
class TeraFiles(context: SparkContext, folder: String) {
  private def read(): NewHadoopRDD[LongWritable, BytesWritable] = {
    val configuration = new Configuration(context.hadoopConfiguration)
    FixedLengthInputFormat.setRecordLength(configuration, TeraRecords.Length)
    configuration.setLong("mapreduce.input.fileinputformat.split.minsize", Long.MaxValue)
    context
      .newAPIHadoopFile(
        folder, classOf[FixedLengthInputFormat], classOf[LongWritable], classOf[BytesWritable], configuration)
      .asInstanceOf[NewHadoopRDD[LongWritable, BytesWritable]]
  }

  def records: RDD[Array[Byte]] = read().map { case (_, bytes) => bytes.copyBytes() }

  /** What each file holds, in the order of their names. */
  def parts(): Seq[TeraPart] =
    read()
      .mapPartitionsWithInputSplit(
        (split, records) =>
          Iterator(
            TeraPart.of(
              split.asInstanceOf[FileSplit].getPath.getName, records.map { case (_, bytes) => bytes.copyBytes() })),
        preservesPartitioning = true)
      .collect()
      .toSeq
      .sortBy(part => (part.name.length, part.name)) // part-r-100000 comes after part-r-99999
}

object TeraFiles {
  private[sparkbed] val Sync = "sparkbed.tera.final-sync"

  /** Write each partition to a file below `folder`, which must not be there yet. */
  def write(context: SparkContext, records: RDD[Array[Byte]], folder: String, sync: Boolean): TeraFiles = {
    val configuration = new Configuration(context.hadoopConfiguration)
    configuration.setBoolean(Sync, sync)
    records
      .map(record => (null, record))
      .saveAsNewAPIHadoopFile(folder, classOf[Null], classOf[Array[Byte]], classOf[TeraOutputFormat], configuration)
    new TeraFiles(context, folder)
  }

  def remove(context: SparkContext, folder: String): Unit = {
    val path = new Path(folder)
    path.getFileSystem(context.hadoopConfiguration).delete(path, true)
  }
}

/** The records' bytes, one after another. */
class TeraOutputFormat extends FileOutputFormat[Null, Array[Byte]] {
  override def getRecordWriter(task: TaskAttemptContext): RecordWriter[Null, Array[Byte]] = {
    val configuration = task.getConfiguration
    val file = getDefaultWorkFile(task, "")
    val files = file.getFileSystem(configuration) match {
      case checked: LocalFileSystem => checked.getRaw // Hadoop's own checksum files can't be forced to disk
      case other => other
    }
    val sync = configuration.getBoolean(TeraFiles.Sync, false)
    val out = files.create(file, false)
    new RecordWriter[Null, Array[Byte]] {
      override def write(key: Null, record: Array[Byte]): Unit = out.write(record)

      override def close(task: TaskAttemptContext): Unit =
        try
          if (sync) {
            if (!out.hasCapability("hsync"))
              throw new IOException(s"${files.getUri} can't force a file to disk: set final-sync to false")
            out.hsync()
          }
        finally out.close()
    }
  }
}
