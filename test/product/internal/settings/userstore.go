package settings

import (
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// Where users are at 3.4.2, when security is on: in rest-security.conf itself, or in a file that is read anew when it changes.
const (
	SimpleUserstore = "flask_securest.userstores.simple:SimpleUserstore"
	FileUserstore   = "flask_securest.userstores.file_userstore:FileUserstore"
)

// How passwords are kept: of the schemes that the real product knows.
const (
	InClear = "plaintext"
	Hashed  = "pbkdf2_sha256"
)

// Userstore is rest-security.conf at 3.4.2: off, or users and passwords in the file itself or another.
type Userstore struct {
	Enabled bool `json:"enabled"`
	Driver  struct {
		Implementation string `json:"implementation"`
		Properties     struct {
			Userstore Users  `json:"userstore"`
			File      string `json:"userstore_file_path"`
		} `json:"properties"`
	} `json:"userstore_driver"`
	Providers []struct {
		Properties struct {
			Hash string `json:"password_hash"`
		} `json:"properties"`
	} `json:"authentication_providers"`
}

// Users are the users and groups of a userstore.
type Users struct {
	Users  []StoredUser `json:"users" yaml:"users"`
	Groups []UserGroup  `json:"groups" yaml:"groups"`
}

// StoredUser is a user of 3.4.2.
type StoredUser struct {
	Username string   `json:"username" yaml:"username"`
	Password string   `json:"password" yaml:"password"`
	Groups   []string `json:"groups,omitempty" yaml:"groups,omitempty"`
	Roles    []string `json:"roles,omitempty" yaml:"roles,omitempty"`
}

// UserGroup gives roles to its users.
type UserGroup struct {
	Name  string   `json:"name" yaml:"name"`
	Roles []string `json:"roles" yaml:"roles"`
}

// ReadUserstore reads rest-security.conf at 3.4.2.
func ReadUserstore(path string) (Userstore, error) {
	var c Userstore
	b, err := os.ReadFile(path)
	if err != nil {
		return c, err
	}
	if err := json.Unmarshal(b, &c); err != nil {
		return c, fmt.Errorf("%s: %w", path, err)
	}
	if !c.Enabled {
		return c, nil
	}
	users, err := c.users()
	if err == nil && len(users.Users) == 0 {
		err = errors.New("security is enabled, and userstore_driver has no users")
	}
	if err != nil {
		return c, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

func (u Userstore) users() (all Users, err error) {
	switch p := u.Driver.Properties; u.Driver.Implementation {
	case SimpleUserstore:
		return p.Userstore, nil
	case FileUserstore:
		return all, readYAML(p.File, &all)
	}
	return all, fmt.Errorf("the demo product has no userstore %q", u.Driver.Implementation)
}

// Roles returns what a user may be, and whether there is one with that password.
func (u Userstore) Roles(name, password string) (roles []string, ok bool) {
	all, err := u.users()
	if err != nil {
		return nil, false
	}
	i := slices.IndexFunc(all.Users, func(user StoredUser) bool { return user.Username == name })
	if i < 0 || !u.same(all.Users[i].Password, password) {
		return nil, false
	}
	roles = append(roles, all.Users[i].Roles...)
	for _, g := range all.Groups {
		if slices.Contains(all.Users[i].Groups, g.Name) {
			roles = append(roles, g.Roles...)
		}
	}
	return roles, true
}

// same compares a password with what is kept of one.
func (u Userstore) same(kept, password string) bool {
	for _, p := range u.Providers {
		if p.Properties.Hash != Hashed {
			continue
		}
		part := strings.Split(kept, "$") // "", scheme, rounds, salt, key
		if len(part) != 5 {
			return false
		}
		salt, err := base64.RawStdEncoding.DecodeString(strings.ReplaceAll(part[3], ".", "+"))
		if err != nil {
			return false
		}
		kept, password = part[4], hash(password, salt)
	}
	return kept != "" && subtle.ConstantTimeCompare([]byte(kept), []byte(password)) == 1
}

const hashRounds = 1000

// hash is the last part of a password's hash.
func hash(password string, salt []byte) string {
	key, err := pbkdf2.Key(sha256.New, password, salt, hashRounds, sha256.Size)
	if err != nil {
		return ""
	}
	return strings.ReplaceAll(base64.RawStdEncoding.EncodeToString(key), "+", ".")
}

// HashForUserstore makes what is kept of a password where the scheme is Hashed, as passlib writes it.
func HashForUserstore(password string) string {
	salt := make([]byte, 16)
	rand.Read(salt) // never fails, says its documentation
	return "$pbkdf2-sha256$" + strconv.Itoa(hashRounds) + "$" + strings.ReplaceAll(base64.RawStdEncoding.EncodeToString(salt), "+", ".") + "$" + hash(password, salt)
}
