; Policies of deployments are read from their own folders
(logging/init {:file "/var/log/cloudify/riemann/riemann.log" :console false})
(let [host "127.0.0.1"]
  (tcp-server {:host host})
  (udp-server {:host host})
  (ws-server  {:host host}))
(periodically-expire 5)
(let [configs (System/getenv "RIEMANN_CONFIGS_DIR")]
  (doseq [f (filter #(= "deployment.config" (.getName %)) (file-seq (clojure.java.io/file configs)))]
    (include (.getPath f))))
