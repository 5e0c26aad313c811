package sparkbed.streaming

import java.util.concurrent.ConcurrentHashMap

import org.apache.spark.rdd.RDD
import org.apache.spark.storage.StorageLevel
import org.apache.spark.streaming.dstream.InputDStream
import org.apache.spark.streaming.receiver.Receiver
import org.apache.spark.streaming.{StreamingContext, Time}

/** A stream's records, handed over one by one at an even rate by a thread of an executor. */
class PairReceiver(records: Records, stream: Int, perSecond: Int, level: StorageLevel)
    extends Receiver[(String, String)](level) {
  override def onStart(): Unit = {
    val sending = new Thread(() => send(), s"records of stream $stream")
    sending.setDaemon(true)
    sending.start()
  }

  override def onStop(): Unit = ()

  private def send(): Unit = {
    val start = System.nanoTime()
    var sent = 0L
    while (!isStopped()) {
      val due = ((System.nanoTime() - start) / 1e9 * perSecond).toLong
      while (sent < due && !isStopped()) {
        store(records.texts(stream, sent))
        sent += 1
      }
      Thread.sleep(5)
    }
  }
}

/** A stream's records, made by each batch's own tasks: as many as a receiver would have handed over meanwhile.
  *
  * `streams` must not become a field: checkpoints hold the stream, and only DStream's own reference is left out of them.
  */
class MadeStream(streams: StreamingContext, records: Records, stream: Int, perBatch: Int, partitions: Int)
    extends InputDStream[(String, String)](streams) {
  private var next = 0L

  override def start(): Unit = ()
  override def stop(): Unit = ()

  override def compute(time: Time): Option[RDD[(String, String)]] = {
    val (from, count, slices, made, number) = (next, perBatch, partitions, records, stream)
    next += count
    MadeStream.counts.putIfAbsent((time, id), count.toLong)
    Some(context.sparkContext.parallelize(0 until count, slices).map(index => made.texts(number, from + index)))
  }
}

object MadeStream {
  /** By batch and stream: how many records were made. Spark's own listeners hear of receivers' records only. */
  val counts: ConcurrentHashMap[(Time, Int), Long] = new ConcurrentHashMap[(Time, Int), Long]()
}
