package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"

	"onerpm/test/product/internal/rendered"
)

// modes are of rendered files that are not for everyone; the group is the service's.
var modes = map[string]fs.FileMode{
	"/opt/manager/cloudify-rest.conf":         0o640,
	"/opt/manager/rest-security.conf":         0o640,
	"/opt/mgmtworker/work/broker_config.json": 0o440,
	"/etc/sysconfig/cloudify-amqpinflux":      0o640,
	"/etc/logstash/conf.d/logstash.conf":      0o640,
}

// programs are rendered files that are run.
var programs = map[string]bool{"/etc/cron.daily/rotate_es_indices": true}

// databasePassword is the real product's: the same on every host.
const databasePassword = "cloudify"

func writeConfiguration(ctx context.Context, p plan) error {
	values, err := hostValues(p)
	if err != nil {
		return err
	}
	files, err := rendered.Files(p.release.Version, values)
	if err != nil {
		return err
	}
	for path, body := range files {
		mode, secret := modes[path]
		if !secret {
			mode = 0o644
		}
		if programs[path] {
			mode = 0o755
		}
		if err := writeFile(path, body, mode); err != nil {
			return err
		}
		if secret && !p.release.Elasticsearch { // before 4.0 the services are root
			if err := command(ctx, "chgrp", serviceUser, path); err != nil {
				return err
			}
		}
	}
	if !p.release.Elasticsearch {
		if err := writeFile("/etc/cloudify/.pgpass", []byte("127.0.0.1:5432:*:cloudify:"+databasePassword+"\n"), 0o600); err != nil {
			return err
		}
	}
	// Debian's own site wants port 80 too
	if err := os.RemoveAll("/etc/nginx/sites-enabled/default"); err != nil {
		return err
	}
	return writeProfile(p.adminPassword)
}

// hostValues are what the placeholders stand for on this host.
func hostValues(p plan) (map[string]string, error) {
	values := map[string]string{
		"manager_host": "127.0.0.1", "elasticsearch_host": "127.0.0.1", "elasticsearch_port": "9200", "postgresql_host": "127.0.0.1:5432", "postgresql_password": databasePassword,
		"postgresql_bin_path": "/usr/lib/postgresql/15/bin/", "rabbitmq_username": "cloudify", "admin_password": p.adminPassword,
	}
	for _, name := range []string{"rabbitmq_password", "hash_salt", "secret_key"} {
		b := make([]byte, 16)
		if _, err := rand.Read(b); err != nil {
			return nil, err
		}
		values[name] = hex.EncodeToString(b)
	}
	alphabet := []byte("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
	for i := len(alphabet) - 1; i > 0; i-- {
		var b [1]byte
		if _, err := rand.Read(b[:]); err != nil {
			return nil, err
		}
		j := int(b[0]) % (i + 1) // not evenly spread, and it need not be
		alphabet[i], alphabet[j] = alphabet[j], alphabet[i]
	}
	values["encoding_alphabet"] = string(alphabet)
	return values, nil
}

// writeProfile tells cfy how to reach the manager.
func writeProfile(password string) error {
	b, err := json.MarshalIndent(map[string]string{
		"manager": "http://127.0.0.1", "username": "admin", "password": password, "tenant": "default_tenant",
	}, "", "  ")
	if err != nil {
		return err
	}
	return writeFile("/root/.cloudify/profile.json", append(b, '\n'), 0o600)
}

func writeFile(path string, body []byte, mode fs.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(path, body, mode); err != nil {
		return err
	}
	return os.Chmod(path, mode)
}
