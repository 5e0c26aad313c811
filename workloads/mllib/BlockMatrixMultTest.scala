package sparkbed.mllib

import java.util.Random

import org.apache.spark.SparkContext
import org.apache.spark.mllib.linalg.{Matrices, Vectors}
import org.apache.spark.mllib.linalg.distributed.BlockMatrix
import sparkbed.Options

/** block-matrix-mult: the product of two matrices of standard normal numbers, m x k and k x n, in square blocks. */
object BlockMatrixMultTest extends MllibTest[(BlockMatrix, BlockMatrix), BlockMatrix]("block-matrix-mult") {
  override def own: Set[String] = Set("m", "k", "n", "block-size")

  override def generate(context: SparkContext, options: Options, seed: Long): (BlockMatrix, BlockMatrix) = {
    val random = new Random(seed)
    val Seq(m, k, n) = Seq("m", "k", "n").map(options.long)
    (normal(context, options, m, k, seed ^ random.nextLong()), normal(context, options, k, n, seed ^ random.nextLong()))
  }

  private def normal(context: SparkContext, options: Options, rows: Long, columns: Long, seed: Long): BlockMatrix = {
    val size = options.int("block-size")
    def blocks(length: Long): Int = ((length + size - 1) / size).toInt
    val side = math.ceil(math.sqrt(options.int("num-partitions"))).toInt
    val places = context
      .parallelize(0 until blocks(rows), side)
      .cartesian(context.parallelize(0 until blocks(columns), side))
    val made = places.map { case (row, column) =>
      val random = new Random(seed ^ (row.toLong << 32 | column))
      val height = math.min(rows - row.toLong * size, size.toLong).toInt
      val width = math.min(columns - column.toLong * size, size.toLong).toInt
      ((row, column), Matrices.randn(height, width, random))
    }
    new BlockMatrix(made, size, size, rows, columns)
  }

  override def timed(context: SparkContext, options: Options, input: (BlockMatrix, BlockMatrix)): BlockMatrix = {
    val product = input._1.multiply(input._2)
    product.blocks.count()
    product
  }

  /** For a random vector, (A B) x is A (B x). */
  override def judge(
      context: SparkContext, options: Options, input: (BlockMatrix, BlockMatrix), result: BlockMatrix,
      sample: (String, Double, String) => Unit): Seq[(String, AnyRef)] = {
    val random = new Random(options.long("random-seed"))
    val vector = Array.fill(options.int("n"))(random.nextGaussian())
    val (found, expected) = (times(result, vector), times(input._1, times(input._2, vector)))
    must(result.numRows == options.long("m") && found.length == expected.length, s"there are ${result.numRows} rows")
    val scale = math.sqrt(expected.map(one => one * one).sum / expected.length)
    for ((one, other) <- found.zip(expected)) same("an entry of the product with a vector", one / scale, other / scale)
    Seq("rows" -> Long.box(result.numRows), "columns" -> Long.box(result.numCols))
  }

  /** A matrix times a vector, block by block. */
  private def times(matrix: BlockMatrix, vector: Array[Double]): Array[Double] = {
    val (height, width) = (matrix.rowsPerBlock, matrix.colsPerBlock)
    val parts = matrix.blocks
      .map { case ((row, column), block) =>
        (row, block.multiply(Vectors.dense(vector.slice(column * width, (column + 1) * width))).toArray)
      }
      .reduceByKey((one, other) => one.indices.map(index => one(index) + other(index)).toArray)
      .collectAsMap()
    val result = new Array[Double](matrix.numRows.toInt)
    parts.foreach { case (row, values) => values.copyToArray(result, row * height) }
    result
  }
}
