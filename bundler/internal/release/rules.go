package release

import (
	"math"
	"regexp"

	"onerpm/internal/manifest"
	"onerpm/internal/unit"
)

// Rule is what can be said of one value by itself, without looking at other files:
// the part of the checks that an editor can do.
type Rule struct {
	Need        bool           // it must be there, and not be empty
	Pattern     *regexp.Regexp // of a text, or of each text of a list
	OneOf       []string       // the texts allowed
	Least, Most int64          // of a number; both 0 for any
	Keys        []string       // the keys allowed in a map, or in the maps that it holds
	With        string         // of a value that is one of several keys: the key of which this one says more
	Unless      string         // of what must be there: the key that may be there in its place
}

var (
	dateGrammar = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}$`)
	pathGrammar = regexp.MustCompile(`^/[^/]`)
	need        = Rule{Need: true}
	needPath    = Rule{Need: true, Pattern: pathGrammar}
	needURL     = Rule{Need: true, Pattern: regexp.MustCompile(`^https?://`)}
)

// Rules are the rules of the files' keys, as <Go type>.<key>. A test holds them
// together with what Load says.
var Rules = map[string]Rule{
	"Product.product":     need,
	"Product.prefix":      {Need: true, Pattern: prefixGrammar},
	"Product.vendor":      need,
	"Product.license":     need,
	"Product.keys":        {Pattern: fingerprintGrammar},
	"Product.postgresql":  {Pattern: postgresGrammar},
	"Unreached.version":   {Need: true, Pattern: versionGrammar},
	"Unreached.why":       need,
	"Installed.release":   need,
	"Installed.customers": {Most: math.MaxInt32},

	"Release.version":    {Need: true, Pattern: versionGrammar},
	"Release.date":       {Need: true, Pattern: dateGrammar},
	"Release.status":     {Need: true, OneOf: statuses},
	"Release.platforms":  {Need: true, Pattern: platformGrammar},
	"Release.key":        {Pattern: fingerprintGrammar},
	"Release.components": need,
	"Component.name":     {Need: true, Pattern: nameGrammar},
	"Component.evr":      {Need: true, Pattern: evrGrammar},
	"Component.arch":     {Need: true, OneOf: arches},
	"Component.sha256":   {Pattern: digestGrammar},
	"Component.size":     {Least: 1, Most: math.MaxInt64},

	"Spec.from":          need,
	"Spec.to":            need,
	"Spec.revision":      {Need: true, Least: 1, Most: math.MaxInt32},
	"Spec.limits":        need,
	"Spec.state":         {Pattern: pathGrammar},
	"PackageRules.skip":  {Keys: skippable},
	"PackageRules.keep":  {Keys: keepable},
	"Late.package":       need,
	"Late.why":           need,
	"Late.keep":          {Pattern: pathGrammar},
	"EarlyService.unit":  {Need: true, Pattern: unit.Grammar},
	"EarlyService.makes": {Pattern: pathGrammar},
	"Move.from":          {Pattern: pathGrammar},
	"Move.to":            {Pattern: pathGrammar},
	"Move.each":          {Pattern: pathGrammar},
	"Move.into":          {Pattern: pathGrammar},
	"Owner.path":         needPath,
	"Owner.user":         {Need: true, Pattern: userGrammar},
	"Owner.group":        {Pattern: userGrammar},
	"Limits.window":      need,
	"LeftOut.part":       {Need: true, OneOf: LeftOutParts},
	"LeftOut.name":       need,
	"LeftOut.why":        need,
	"Service.unit":       {Need: true, Pattern: unit.Grammar},
	"Health.http":        needURL,
	"Health.expect":      need,
	"Ready.says":         need,
	"Ready.within":       need,
	"Health.within":      need,
	"HostAddress.file":   needPath,
	"HostAddress.format": {Need: true, OneOf: manifest.KeyedFormats},
	"HostAddress.host":   need,
	"Headers.file":       needPath,
	"Expect.status":      {Need: true, Least: 100, Most: 599},
	"Drain.within":       need,
	"Drain.else":         {Need: true, OneOf: []string{"refuse", "proceed"}},
	"Config.target":      needPath,
	"Config.format":      {OneOf: manifest.Formats},
	"Config.owner":       {Pattern: userGrammar},
	"Config.group":       {Pattern: userGrammar},
	"Config.mode":        {Pattern: modeGrammar},
	"Value.random":       {Least: 1, Most: int64(maxRandom)},
	"Value.as":           {OneOf: manifest.RandomForms, With: "random"},

	"Database.name":           {Need: true, Pattern: databaseGrammar},
	"Database.connection":     need,
	"Database.programs":       {Pattern: pathGrammar},
	"Connection.file":         needPath,
	"Connection.format":       {Need: true, OneOf: manifest.KeyedFormats},
	"Connection.keys":         need,
	"ConnectionKeys.host":     {Need: true, Unless: "url"},
	"ConnectionKeys.database": {Need: true, Unless: "url"},
	"ConnectionKeys.user":     {Need: true, Unless: "url"},
	"Expects.query":           need,
	"Expects.value":           need,
	"Backfill.table":          need,
	"Backfill.set":            need,
	"Backfill.where":          need,
	"Backfill.batch":          {Need: true, Least: 1, Most: maxBatch},
	"Acceptance.name":         need,
	"Acceptance.says":         need,
	"HostCase.all":            need,
	"HostFile.file":           needPath,
	"HostFile.format":         {Need: true, OneOf: manifest.KeyedFormats},
	"HostCondition.file":      needPath,
	"HostCondition.format":    {Need: true, OneOf: manifest.KeyedFormats},
	"HostCondition.key":       need,
	"HostItem.key":            need,
	"HostThrough.names":       need,
	"HostThrough.list":        need,
	"HostThrough.by":          need,
	"Given.file":              needPath,
	"Given.lines":             need,
	"Hook.run":                {Need: true, Pattern: regexp.MustCompile(`^hooks/[^/]+$`)},
	"Hook.undo":               {Pattern: regexp.MustCompile(`^hooks/[^/]+$`)},
	"Hook.timeout":            need,

	"Agents.api":          needURL,
	"Agents.headers":      need,
	"Agents.lists":        need,
	"Agents.tenants":      need,
	"Agents.groups":       need,
	"Agents.work":         need,
	"Agents.canary":       {Need: true, Most: 1000},
	"Agents.batch":        {Need: true, Least: 1, Most: 1000},
	"Agents.stop":         {Need: true, Most: 100},
	"AgentLists.items":    need,
	"AgentLists.size":     need,
	"AgentLists.offset":   need,
	"AgentTenants.list":   need,
	"AgentTenants.name":   need,
	"AgentTenants.header": {Need: true, Pattern: headerGrammar},
	"AgentGroups.list":    need,
	"AgentGroups.name":    need,
	"AgentGroups.state":   need,
	"AgentGroups.ready":   need,
	"AgentGroups.version": need,
	"AgentGroups.becomes": need,
	"AgentWork.path":      need,
	"AgentWork.body":      need,
	"AgentWork.find":      need,
	"AgentWork.id":        need,
	"AgentWork.status":    need,
	"AgentWork.error":     need,
	"AgentWork.done":      need,
	"AgentWork.failed":    need,
	"AgentWork.within":    need,
}
