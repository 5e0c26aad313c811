package sparkbed.mllib

import java.util.Random

import org.apache.spark.SparkContext
import org.apache.spark.ml.attribute.{AttributeGroup, NominalAttribute, NumericAttribute}
import org.apache.spark.mllib.linalg.Vectors
import org.apache.spark.mllib.regression.LabeledPoint
import org.apache.spark.mllib.util.MLUtils
import org.apache.spark.rdd.RDD
import org.apache.spark.sql.DataFrame
import org.apache.spark.sql.functions.col
import sparkbed.{Options, Usage}

/** Rows that a random tree has labelled. `arities` says of each categorical feature, the first ones, how many values. */
case class TreeData(split: Split[LabeledPoint], arities: Map[Int, Int])

/** A node of the tree that labels: which rows go left. Leaves have no children. */
sealed trait Node extends Serializable { def label(row: Array[Double]): Double }
case class Leaf(value: Double) extends Node { override def label(row: Array[Double]): Double = value }
case class Fork(feature: Int, left: Double => Boolean, lower: Node, upper: Node) extends Node {
  override def label(row: Array[Double]): Double = (if (left(row(feature))) lower else upper).label(row)
}

object TreeData {
  /** Values of a categorical feature that is not binary. */
  private val Many = 20

  def generate(context: SparkContext, options: Options, seed: Long): TreeData =
    if (options.text("training-data").nonEmpty) load(context, options, seed) else draw(context, options, seed)

  private def draw(context: SparkContext, options: Options, seed: Long): TreeData = {
    val features = options.int("num-features")
    val categorical = (features * options.double("frac-categorical-features")).toInt
    val binary = (categorical * options.double("frac-binary-features")).toInt
    val arity = Array.tabulate(features)(index => if (index < binary) 2 else if (index < categorical) Many else 0)
    val tree = grow(arity, options.int("tree-depth"), options.int("label-type"), Set.empty, new Random(seed))
    val data = Drawn.rows(
      context, Split.rows(options.long("num-examples")), options.int("num-partitions"), seed) { random =>
      val row = arity.map(count => if (count == 0) random.nextDouble() else random.nextInt(count).toDouble)
      LabeledPoint(tree.label(row), Vectors.dense(row))
    }
    TreeData(Split.of(data, seed), arity.zipWithIndex.collect { case (count, index) if count > 0 => index -> count }.toMap)
  }

  /** A balanced tree in which no path asks for a feature twice. Labels are uniform in [0, 1), or two different classes. */
  private def grow(arity: Array[Int], depth: Int, labels: Int, used: Set[Int], random: Random): Node = {
    val feature = Iterator.continually(random.nextInt(arity.length)).find(!used(_)).get
    val left: Double => Boolean =
      if (arity(feature) == 0) {
        val threshold = random.nextDouble()
        value => value <= threshold
      } else {
        val count = random.nextInt(arity(feature) - 1) + 1
        val chosen = new scala.util.Random(random).shuffle((0 until arity(feature)).map(_.toDouble).toList).take(count).toSet
        value => chosen(value)
      }
    if (depth > 1) {
      val below = used + feature
      Fork(feature, left, grow(arity, depth - 1, labels, below, random), grow(arity, depth - 1, labels, below, random))
    } else if (labels == 0) Fork(feature, left, Leaf(random.nextDouble()), Leaf(random.nextDouble()))
    else {
      val one = random.nextInt(labels)
      val other = (one + 1 + random.nextInt(labels - 1)) % labels
      Fork(feature, left, Leaf(one), Leaf(other))
    }
  }

  /** Files in LibSVM's form; all features are continuous. */
  private def load(context: SparkContext, options: Options, seed: Long): TreeData = {
    val partitions = options.int("num-partitions")
    val data = MLUtils.loadLibSVMFile(context, options.text("training-data"), -1, partitions)
    val held = options.double("test-data-fraction")
    val Array(train, test) =
      if (options.text("test-data").isEmpty) data.randomSplit(Array(1 - held, held), seed)
      else {
        val columns = data.first().features.size
        Array(data, MLUtils.loadLibSVMFile(context, options.text("test-data"), columns, partitions))
      }
    if (train.cache().isEmpty()) throw new Usage(s"--training-data=${options.text("training-data")} holds no rows")
    train.count()
    TreeData(Split(train, test), Map.empty)
  }

  /** Rows as spark.ml takes them, with what it must know of features and labels. */
  def frame(data: RDD[LabeledPoint], arities: Map[Int, Int], labels: Int): DataFrame = {
    val plain = LinearModels.frame(data)
    val attributes = Array.tabulate(data.first().features.size) { index =>
      arities.get(index) match {
        case Some(count) => NominalAttribute.defaultAttr.withIndex(index).withNumValues(count)
        case None => NumericAttribute.defaultAttr.withIndex(index)
      }
    }
    val features = new AttributeGroup("features", attributes.asInstanceOf[Array[org.apache.spark.ml.attribute.Attribute]])
    val label =
      if (labels == 0) NumericAttribute.defaultAttr.withName("label").toMetadata()
      else NominalAttribute.defaultAttr.withName("label").withNumValues(labels).toMetadata()
    plain.select(col("features").as("features", features.toMetadata()), col("label").as("label", label))
  }
}
