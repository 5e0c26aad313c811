package org.apache.spark.sparkbed

import java.io.{ByteArrayOutputStream, IOException, InputStream}
import java.net.{HttpURLConnection, URI, URLEncoder}
import java.nio.charset.StandardCharsets.UTF_8
import java.nio.file.{Files, Path}

import scala.util.Try

import com.fasterxml.jackson.core.JsonProcessingException
import com.fasterxml.jackson.databind.{JsonNode, ObjectMapper}

/** An instance does not answer, or refuses. */
private[spark] class OsvFailed(message: String, cause: Throwable = null) extends IOException(message, cause)

/** One OSv instance: where its REST API is, and where its executor is to listen.
  *
  * @param address what others reach the executor at
  * @param bind what the executor listens on within the instance
  * @param port of the executor's blocks; 0: any
  */
private[spark] class OsvInstance(
    val host: String, val api: String, val address: String, val bind: String, val port: Int) {
  /** Starts a program, and gives the id of its first thread. */
  def start(words: Seq[String]): String =
    text(ask("PUT", "/app/", Seq("command" -> words.map(OsvInstance.word).mkString(" "), "new_program" -> "true")))

  /** Whether the program's first thread has ended. OSv says nothing of how. */
  def finished(thread: String): Boolean = text(ask("GET", "/app/finished", Seq("tid" -> thread))) == "1"

  /** Sets a variable for programs that are started from now on. */
  def set(name: String, value: String): Unit = {
    ask("POST", s"/env/${OsvInstance.encoded(name)}", Seq("val" -> value))
    ()
  }

  def upload(path: String, file: Path): Unit = {
    val boundary = "sparkbed-b1f7c0e9d4a2"
    // OSv's reader takes one part, with a file name, and counts the bytes of its end: a line's end here is \r\n.
    val head = Seq(
      s"--$boundary", s"""Content-Disposition: form-data; name="file"; filename="${file.getFileName}"""",
      "Content-Type: application/octet-stream", "", "")
    val body = new ByteArrayOutputStream()
    body.write(head.mkString("\r\n").getBytes(UTF_8))
    body.write(Files.readAllBytes(file))
    body.write(s"\r\n--$boundary--\r\n".getBytes(UTF_8))
    ask("POST", s"/file$path", Nil, Some(s"multipart/form-data; boundary=$boundary"), body.toByteArray)
    ()
  }

  /** What a program's own log ends with, or its first error; the console's end where it has written none. */
  def lastWords(log: String): String = {
    val said = Try(ask("GET", s"/file$log", Seq("op" -> "GET"))).toOption.filter(_.trim.nonEmpty)
    val shown = said.orElse(Try(text(ask("GET", "/os/dmesg", Nil))).toOption).getOrElse("its console can't be read")
    val frame = "at .*|\\.\\.\\. \\d+ more" // of a stack trace, whose exceptions stand between them
    val lines = shown.linesIterator.map(_.trim).filter(line => line.nonEmpty && !line.matches(frame)).toSeq
    val error = lines.indexWhere(_.contains(" ERROR "))
    val told = if (error >= 0) lines.slice(error, error + OsvInstance.LastLines) else lines.takeRight(OsvInstance.LastLines)
    told.mkString(" | ")
  }

  private def ask(
      method: String, path: String, parameters: Seq[(String, String)], kind: Option[String] = None,
      body: Array[Byte] = Array.emptyByteArray): String = {
    val query = parameters.map { case (name, value) => s"$name=${OsvInstance.encoded(value)}" }.mkString("&")
    val url = URI.create(api + path + (if (query.isEmpty) "" else s"?$query")).toURL
    val (status, answer) =
      try {
        val connection = url.openConnection().asInstanceOf[HttpURLConnection]
        connection.setRequestMethod(method)
        connection.setConnectTimeout(OsvInstance.Patience)
        connection.setReadTimeout(OsvInstance.Patience)
        kind.foreach(connection.setRequestProperty("Content-Type", _))
        if (method != "GET") {
          // Java sends what it does not stream twice when the first answer fails: two programs would be started.
          connection.setDoOutput(true)
          connection.setFixedLengthStreamingMode(body.length)
          connection.getOutputStream.write(body)
        }
        val status = connection.getResponseCode
        val stream = if (status < 400) connection.getInputStream else connection.getErrorStream
        (status, Option(stream).map(read).getOrElse(""))
      } catch {
        case problem: IOException =>
          throw new OsvFailed(s"OSv on $host does not answer $method $path at $api: ${problem.getMessage}", problem)
      }
    if (status / 100 != 2) throw new OsvFailed(s"OSv on $host at $api answered $method $path with $status: ${answer.trim}")
    answer
  }

  private def read(stream: InputStream): String =
    try new String(stream.readAllBytes(), UTF_8)
    finally stream.close()

  /** A text as the API answers it: in JSON's quotes, or bare. */
  private def text(answer: String): String =
    try Option(OsvInstance.json.readTree(answer)).filter(_.isTextual).map(_.textValue).getOrElse(answer.trim)
    catch { case _: JsonProcessingException => answer.trim }
}

private[spark] object OsvInstance {
  val LastLines = 5
  private val Patience = 30000
  private val json = new ObjectMapper()

  /** The instances that a property names: a JSON list of objects with the constructor's names. */
  def all(property: String): Seq[OsvInstance] = {
    val list = json.readTree(property)
    (0 until list.size).map(list.get(_)).map { one: JsonNode =>
      new OsvInstance(
        one.get("host").asText, one.get("api").asText, one.get("address").asText, one.get("bind").asText,
        one.get("port").asInt)
    }
  }

  /** A word of OSv's command line, quoted where its loader needs it. */
  def word(text: String): String = {
    if (text.exists(one => one == ';' || one == '"' || one.isControl))
      throw new OsvFailed(s"'$text' can't be a word of a command on OSv, which refuses ';' and has no quotes in quotes")
    if (text.nonEmpty && text.forall(one => one.isLetterOrDigit || "_./:=@%+,-*".indexOf(one.toInt) >= 0)) text
    else "\"" + text + "\""
  }

  private def encoded(text: String): String = URLEncoder.encode(text, "UTF-8").replace("+", "%20")
}
