#!/bin/bash
# S3Proxy and moto refuse a PutObject whose condition does not hold, and complete an upload in parts whose condition does not hold: the object is replaced.
#
# S3Proxy 3.3.0 (Maven Central, over a folder) and moto 5.2.5 (PyPI), asked by boto3 1.44.8. Amazon documents If-None-Match and If-Match for PutObject and for CompleteMultipartUpload
# alike, and clients choose between the two by size (boto3's upload_file from 8 MiB on). S3Proxy ignores both conditions of a CompleteMultipartUpload, moto If-Match; each
# answers 200. So whoever tries a server by a small object learns nothing of large ones. (johannesboyne/gofakes3 1.2.0 ignores both too; versitygw 1.8.0 keeps both.)
#
# Seen (PutObject, CompleteMultipartUpload):  S3Proxy: If-None-Match 412, 200    If-Match 412, 200    moto: If-None-Match 412, 412    If-Match 412, 200
set -eu
changed() { echo "CHANGED: $*"; exit 1; }
work=$(mktemp -d /var/tmp/finding.XXXXXX); moto=; proxy=; trap '[ -z "$moto" ] || kill "$moto"; [ -z "$proxy" ] || kill "$proxy"; rm -rf "$work"' EXIT; cd "$work"
{ command -v mvn && command -v java && command -v python3; } >/dev/null || apt-get install -y -qq maven openjdk-17-jre-headless python3 >log 2>&1 || { cat log; exit 2; }
{ python3 -m venv py || { apt-get install -y -qq python3-venv && python3 -m venv py; }; } >log 2>&1 || { cat log; exit 2; }
py/bin/pip -q install 'moto[s3,server]==5.2.5' boto3==1.44.8 >log 2>&1 || { cat log; exit 2; }
# What S3Proxy's own list of dependencies resolves to lacks a class that it needs: the newer jackson-annotations has it.
cat >pom.xml <<'POM'
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion><groupId>finding</groupId><artifactId>finding</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>com.fasterxml.jackson.core</groupId><artifactId>jackson-annotations</artifactId><version>2.21</version></dependency>
    <dependency><groupId>org.gaul</groupId><artifactId>s3proxy</artifactId><version>3.3.0</version></dependency>
  </dependencies>
</project>
POM
timeout 900 mvn -q -B -C -f pom.xml -Dmaven.repo.local="$work/m2" org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies -DincludeScope=runtime -DoutputDirectory=jars >log 2>&1 || { cat log; exit 2; }
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
mkdir data; port=$(free_port)
printf '%s\n' "s3proxy.endpoint=http://127.0.0.1:$port" s3proxy.authorization=aws-v2-or-v4 s3proxy.identity=somebody s3proxy.credential=secret jclouds.provider=filesystem "jclouds.filesystem.basedir=$work/data" >s3proxy.conf
echo '<configuration><appender name="err" class="ch.qos.logback.core.ConsoleAppender"><encoder><pattern>%msg%n</pattern></encoder></appender><root level="WARN"><appender-ref ref="err"/></root></configuration>' >logback.xml
java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Dlogback.configurationFile="$work/logback.xml" -cp 'jars/*' org.gaul.s3proxy.Main --properties s3proxy.conf >proxy.log 2>&1 & proxy=$!
moto_port=$(free_port)
py/bin/moto_server -H 127.0.0.1 -p "$moto_port" >moto.log 2>&1 & moto=$!
cat >ask.py <<'PY'
import sys
import time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError

s3 = boto3.client("s3", endpoint_url=sys.argv[1], region_name="us-east-1", aws_access_key_id="somebody", aws_secret_access_key="secret",
                  config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}, proxies={}))
for _ in range(300):
    try:
        s3.create_bucket(Bucket="things")
        break
    except EndpointConnectionError:
        time.sleep(0.2)
else:
    sys.exit("no server")


def status(call, **arguments):
    try:
        return call(Bucket="things", Key="k", **arguments)["ResponseMetadata"]["HTTPStatusCode"]
    except ClientError as refused:
        return refused.response["ResponseMetadata"]["HTTPStatusCode"]


def content():
    return s3.get_object(Bucket="things", Key="k")["Body"].read(3).decode()


for name, value in ("IfNoneMatch", "*"), ("IfMatch", '"00000000000000000000000000000000"'):
    s3.put_object(Bucket="things", Key="k", Body=b"old")
    small, after_small = status(s3.put_object, Body=b"new", **{name: value}), content()
    upload = s3.create_multipart_upload(Bucket="things", Key="k")["UploadId"]
    part = s3.upload_part(Bucket="things", Key="k", UploadId=upload, PartNumber=1, Body=b"new" + bytes(5 << 20))
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"], **{k: v for k, v in part.items() if k.startswith("ChecksumCRC32")}}]}
    large = status(s3.complete_multipart_upload, UploadId=upload, MultipartUpload=parts, **{name: value})
    print(sys.argv[2], name + ":", "PutObject", small, after_small, "  CompleteMultipartUpload", large, content())
PY
cat >want <<'OUT'
S3Proxy IfNoneMatch: PutObject 412 old   CompleteMultipartUpload 200 new
S3Proxy IfMatch: PutObject 412 old   CompleteMultipartUpload 200 new
moto IfNoneMatch: PutObject 412 old   CompleteMultipartUpload 412 old
moto IfMatch: PutObject 412 old   CompleteMultipartUpload 200 new
OUT
export NO_PROXY=127.0.0.1 no_proxy=127.0.0.1
for server in "http://127.0.0.1:$port S3Proxy" "http://127.0.0.1:$moto_port moto"; do
	py/bin/python ask.py $server >>out 2>log || { cat out log proxy.log moto.log; changed "the requests fail"; }
done
cat out
diff want out >/dev/null || changed "$(diff want out)"
echo "as described"
