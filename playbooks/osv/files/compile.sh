#!/bin/sh
# compile.sh SOURCES JAR SPARK JAVA PYTHON: makes the jar for drivers and executors of the sources in a folder, by the compiler
# among Spark's own jars. It appears whole or not at all.
set -eu
sources=$1 jar=$2 spark=$3 java=$4 python=$5
scratch=$(mktemp -d "${jar%/*}/compiling-XXXXXX")
trap 'rm -rf "$scratch"' EXIT
mkdir -p "$scratch/META-INF/services"
echo org.apache.spark.sparkbed.OsvClusterManager >"$scratch/META-INF/services/org.apache.spark.scheduler.ExternalClusterManager"
"$java/bin/java" -Xss8m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp "$spark/jars/*" \
  scala.tools.nsc.Main -usejavacp -deprecation -d "$scratch" "$sources"/*.scala >&2
cd "$scratch"
"$python" -m zipfile -c "$scratch/jar" META-INF org
mv "$scratch/jar" "$jar"
