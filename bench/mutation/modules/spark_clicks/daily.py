"""Pages of a day by their clicks. A second run of a day replaces its partition."""

import sys

from pyspark.sql import SparkSession, functions as f


def main(day, source, target):
    spark = (
        SparkSession.builder.appName("daily-pages")
        .config("spark.sql.sources.partitionOverwriteMode", "dynamic")
        .getOrCreate()
    )
    clicks = spark.read.parquet(source).where(f.col("day") == day)
    pages = clicks.groupBy("day", "page").agg(f.countDistinct("visitor").alias("visitors"))
    pages.write.mode("overwrite").partitionBy("day").parquet(target)
    top = pages.orderBy(f.desc("visitors")).limit(20).collect()
    for row in top:
        sys.stderr.write(f"{row.page} {row.visitors}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
