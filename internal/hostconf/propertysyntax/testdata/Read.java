// Reads .properties files by java.util.Properties: each line of the input has one in base64, each line of the output what is read in it:
// keys and values in base64 of UTF-8, "key value key value", sorted by key; "error" where Java refuses the file.
// go test ./internal/hostconf/propertysyntax -update runs it.
import java.io.*;
import java.nio.charset.StandardCharsets;
import java.util.*;

class Read {
    public static void main(String[] args) throws IOException {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        Base64.Encoder b = Base64.getEncoder();
        for (String line; (line = in.readLine()) != null; ) {
            Properties p = new Properties();
            try {
                p.load(new InputStreamReader(new ByteArrayInputStream(Base64.getDecoder().decode(line)), StandardCharsets.UTF_8));
            } catch (IllegalArgumentException e) {
                System.out.println("error");
                continue;
            }
            StringJoiner out = new StringJoiner(" ");
            for (String key : new TreeSet<>(p.stringPropertyNames())) {
                for (String s : new String[] {key, p.getProperty(key)}) {
                    out.add(b.encodeToString(s.getBytes(StandardCharsets.UTF_8)));
                }
            }
            System.out.println(out);
        }
    }
}
