package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"

	"github.com/goccy/go-yaml"

	"onerpm/test/product/internal/settings"
)

// userstoreFile is where the product's users are when they are not in rest-security.conf.
const userstoreFile = "/opt/manager/userstore.yaml"

// securedUsers are the users of a host of 3.4.2 that asks for passwords, besides the administrator: one for each way to come to a role, and
// a name that every language must quote. A password is the name and "-password".
var securedUsers = []settings.StoredUser{
	{Username: "alice", Groups: []string{"cfy_deployers"}},
	{Username: "bob", Roles: []string{"viewer"}},
	{Username: "carol", Groups: []string{"cfy_viewers", "cfy_admins"}},
	{Username: `o'brien "quoted" \ ü`, Groups: []string{"cfy_deployers", "cfy_viewers"}},
}

func securityCommand(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("security", flag.ContinueOnError)
	where := flags.String("store", "inline", "inline: users are in rest-security.conf; file: in "+userstoreFile)
	scheme := flags.String("passwords", settings.InClear, settings.InClear+" or "+settings.Hashed)
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *where != "inline" && *where != "file" {
		return fmt.Errorf("--store %q is neither inline nor file", *where)
	}
	if *scheme != settings.InClear && *scheme != settings.Hashed {
		return fmt.Errorf("--passwords %q is neither %s nor %s", *scheme, settings.InClear, settings.Hashed)
	}
	if err := secure(*where == "file", *scheme); err != nil {
		return err
	}
	if err := command(ctx, "systemctl", "restart", "cloudify-restservice"); err != nil {
		return err
	}
	return waitForVersion(ctx, "http://127.0.0.1/api/v2.1/version", "3.4.2")
}

// secure turns security on in rest-security.conf, as the installer of a host with these inputs would have written it.
func secure(inFile bool, scheme string) error {
	text, err := os.ReadFile(settings.SecurityPath)
	if err != nil {
		return err
	}
	var conf object
	if err := json.Unmarshal(text, &conf); err != nil {
		return fmt.Errorf("%s: %w", settings.SecurityPath, err)
	}
	password, _ := conf["admin_password"].(string)
	users := settings.Users{
		Users:  []settings.StoredUser{{Username: "admin", Password: kept(password, scheme), Groups: []string{"cfy_admins"}}},
		Groups: []settings.UserGroup{{Name: "cfy_admins", Roles: []string{"administrator"}}, {Name: "cfy_deployers", Roles: []string{"deployer"}}, {Name: "cfy_viewers", Roles: []string{"viewer"}}},
	}
	for _, u := range securedUsers {
		u.Password = kept(u.Username+"-password", scheme)
		users.Users = append(users.Users, u)
	}
	conf["enabled"] = true
	conf["authentication_providers"] = []object{{"name": "password", "implementation": "flask_securest.authentication_providers.password:PasswordAuthenticator",
		"properties": object{"password_hash": scheme}}}
	conf["userstore_driver"] = object{"implementation": settings.SimpleUserstore, "properties": object{"userstore": users}}
	if inFile {
		conf["userstore_driver"] = object{"implementation": settings.FileUserstore, "properties": object{"userstore_file_path": userstoreFile}}
		text, err := yaml.Marshal(users)
		if err != nil {
			return err
		}
		if err := writeFile(userstoreFile, text, 0o640); err != nil {
			return err
		}
	}
	if text, err = json.MarshalIndent(conf, "", "  "); err != nil {
		return err
	}
	return writeFile(settings.SecurityPath, append(text, '\n'), 0o640)
}

// kept is what a userstore has of a password.
func kept(password, scheme string) string {
	if scheme == settings.Hashed {
		return settings.HashForUserstore(password)
	}
	return password
}
