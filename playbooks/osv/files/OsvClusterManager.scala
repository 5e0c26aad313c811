package org.apache.spark.sparkbed

import org.apache.spark.SparkContext
import org.apache.spark.scheduler.{ExternalClusterManager, SchedulerBackend, TaskScheduler, TaskSchedulerImpl}

/** What Spark asks for masters that it does not know itself: `sparkbed://osv`. Found by the ServiceLoader. */
private[spark] class OsvClusterManager extends ExternalClusterManager {
  override def canCreate(masterUrl: String): Boolean = masterUrl.startsWith("sparkbed://")

  override def createTaskScheduler(context: SparkContext, masterUrl: String): TaskScheduler = new TaskSchedulerImpl(context)

  override def createSchedulerBackend(
      context: SparkContext, masterUrl: String, scheduler: TaskScheduler): SchedulerBackend =
    new OsvBackend(scheduler.asInstanceOf[TaskSchedulerImpl], context)

  override def initialize(scheduler: TaskScheduler, backend: SchedulerBackend): Unit =
    scheduler.asInstanceOf[TaskSchedulerImpl].initialize(backend)
}
