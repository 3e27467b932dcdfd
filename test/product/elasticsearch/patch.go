package elasticsearch

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// writePatch makes the jar with the two classes that are not Elasticsearch's own.
func writePatch(dir string) error {
	info, err := jvmInfo(filepath.Join(dir, "elasticsearch-"+Version+".jar"))
	if err != nil {
		return err
	}
	var b bytes.Buffer
	out := zip.NewWriter(&b)
	for _, class := range []struct {
		name string
		body []byte
	}{{jvmInfoClass, info}, {mainName + ".class", mainClass()}} {
		w, err := out.CreateHeader(&zip.FileHeader{Name: class.name, Method: zip.Store})
		if err != nil {
			return err
		}
		if _, err := w.Write(class.body); err != nil {
			return err
		}
	}
	if err := out.Close(); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, PatchJar), b.Bytes(), 0o644)
}

const jvmInfoClass = "org/elasticsearch/monitor/jvm/JvmInfo.class"

// jvmInfo lets Elasticsearch 1.x start on a JVM after Java 8: its class JvmInfo asks the
// JVM for the boot class path, which these refuse. Here the same class asks for the library path instead; nothing but the list of a
// node's properties shows it. One constant of the class file is another, so no compiler is needed and the bytes are always the same.
func jvmInfo(jar string) ([]byte, error) {
	in, err := zip.OpenReader(jar)
	if err != nil {
		return nil, err
	}
	defer in.Close() //nolint:errcheck // only read
	f, err := in.Open(jvmInfoClass)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	body, err := io.ReadAll(f)
	if err != nil {
		return nil, err
	}
	old, renamed := constant("getBootClassPath"), constant("getLibraryPath")
	if n := bytes.Count(body, old); n != 1 {
		return nil, fmt.Errorf("%s names the boot class path %d times, not once", jvmInfoClass, n)
	}
	return bytes.Replace(body, old, renamed, 1), nil
}

const mainName = "org/elasticsearch/bootstrap/Elasticsearch"

// mainClass is Elasticsearch's main class, which initializes Lucene's class Codec before anything else. Lucene before 5.2
// initializes it in whichever threads come first, and these can wait for each other for ever (LUCENE-6482): the node
// answers, and no shard is ever there. One of some hundred starts ends so with the JVM options of the tests; a test needs all of them.
//
//	public static void main(String[] args) { Codec.getDefault(); Bootstrap.main(args); }
func mainClass() []byte {
	const (
		self, object                 = 1, 3 // the constants' numbers
		getDefault, bootstrap        = 5, 11
		mainText, argsText, codeText = 15, 16, 17

		classTag, methodTag, nameTag = 7, 10, 12
	)
	u2 := func(n ...int) (b []byte) {
		for _, v := range n {
			b = binary.BigEndian.AppendUint16(b, uint16(v)) //nolint:gosec // small numbers
		}
		return b
	}
	entry := func(tag byte, n ...int) []byte { return append([]byte{tag}, u2(n...)...) }
	code := bytes.Join([][]byte{
		{0xb8}, u2(getDefault), // invokestatic
		{0x57},                // pop
		{0x2a},                // aload_0
		{0xb8}, u2(bootstrap), // invokestatic
		{0xb1}, // return
	}, nil)
	codeLength := len(code)
	return bytes.Join([][]byte{
		{0xca, 0xfe, 0xba, 0xbe}, u2(0, 49), // of Java 5: the last one that needs no stack maps
		u2(codeText + 1), // how many constants, and one
		entry(classTag, 2), constant(mainName),
		entry(classTag, 4), constant("java/lang/Object"),
		entry(methodTag, 6, 8), entry(classTag, 7), constant("org/apache/lucene/codecs/Codec"),
		entry(nameTag, 9, 10), constant("getDefault"), constant("()Lorg/apache/lucene/codecs/Codec;"),
		entry(methodTag, 12, 14), entry(classTag, 13), constant("org/elasticsearch/bootstrap/Bootstrap"),
		entry(nameTag, mainText, argsText), constant("main"), constant("([Ljava/lang/String;)V"),
		constant("Code"),
		u2(0x21, self, object, 0, 0, 1),                                                 // public; no interface, no field, one method:
		u2(0x09, mainText, argsText, 1),                                                 // public static, with one attribute:
		u2(codeText), u2(0, 12+codeLength), u2(1, 1), u2(0, codeLength), code, u2(0, 0), // one on the stack, one local
		u2(0), // no attribute of the class
	}, nil)
}

// constant is a string as it stands in a class file's constant pool: CONSTANT_Utf8, length, bytes.
func constant(s string) []byte {
	return append([]byte{1, byte(len(s) >> 8), byte(len(s))}, s...)
}
