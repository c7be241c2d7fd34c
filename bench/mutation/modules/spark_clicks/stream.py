"""Clicks from the topic, counted by page and quarter of an hour of their own time."""

import sys

from pyspark.sql import SparkSession, functions as f
from pyspark.sql.types import StringType, StructField, StructType, TimestampType

CLICK = StructType(
    [
        StructField("click_id", StringType()),
        StructField("page", StringType()),
        StructField("at", TimestampType()),
    ]
)


def put(batch, number):
    """A batch that comes again has the number that it had: it takes its own place."""
    batch.withColumn("batch", f.lit(number)).write.mode("overwrite").partitionBy("batch").parquet(sys.argv[2])


def main(brokers, out, checkpoints):
    spark = SparkSession.builder.appName("clicks").getOrCreate()
    clicks = (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", brokers)
        .option("subscribe", "clicks")
        .option("startingOffsets", "earliest")
        .option("maxOffsetsPerTrigger", 100000)
        .load()
        .select(f.from_json(f.col("value").cast("string"), CLICK).alias("click"))
        .select("click.*")
    )
    counts = (
        clicks.withWatermark("at", "30 minutes")
        .dropDuplicates(["click_id", "at"])
        .groupBy(f.window("at", "15 minutes"), "page")
        .count()
    )
    query = (
        counts.writeStream.foreachBatch(put)
        .outputMode("append")
        .option("checkpointLocation", checkpoints)
        .trigger(processingTime="1 minute")
        .start()
    )
    query.awaitTermination()


if __name__ == "__main__":
    main(*sys.argv[1:])
