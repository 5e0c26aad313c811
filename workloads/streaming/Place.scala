package sparkbed.streaming

import org.apache.hadoop.fs.Path
import org.apache.spark.SparkContext
import org.apache.spark.util.SerializableConfiguration
import sparkbed.Failed

/** A folder of this application's own below hdfs-url, which driver and executors share; gone when it is closed. */
class Place private (context: SparkContext, folder: Path) {
  private val files = folder.getFileSystem(context.hadoopConfiguration)

  def path(name: String): Path = new Path(folder, name)

  def close(): Unit = files.delete(folder, true)

  /** Throw Failed unless an executor sees what the driver writes. */
  private def prove(): Unit = {
    val proof = path("proof")
    files.create(proof).close()
    val there = new SerializableConfiguration(context.hadoopConfiguration)
    val uri = proof.toUri
    val tasks = 4 * context.defaultParallelism
    val blind = context.parallelize(1 to tasks, tasks).filter { _ =>
      val found = new Path(uri)
      !found.getFileSystem(there.value).exists(found)
    }
    if (blind.count() > 0)
      throw new Failed(
        s"executors do not see $folder, which the driver wrote: give as hdfs-url the URL of a folder that all reach")
  }
}

object Place {
  def of(context: SparkContext, url: String): Place = {
    val place = new Place(context, new Path(url, s"sparkbed-${context.applicationId}"))
    try place.prove()
    catch {
      case problem: Throwable =>
        place.close()
        throw problem
    }
    place
  }
}
