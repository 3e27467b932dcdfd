package rpmfile

import "fmt"

// Tag numbers an entry of a header, as rpm's rpmtag.h does. The signature header has a number space of its own.
type Tag uint32

// Tags of the main header that every user of it reads. Those of files are lists with a line for each.
const (
	TagName            Tag = 1000
	TagVersion         Tag = 1001
	TagRelease         Tag = 1002
	TagEpoch           Tag = 1003
	TagArch            Tag = 1022
	TagOldFileNames    Tag = 1027 // whole paths; others are cut in two
	TagFileSizes       Tag = 1028
	TagFileModes       Tag = 1030
	TagFileRdevs       Tag = 1033
	TagFileMTimes      Tag = 1034
	TagFileDigests     Tag = 1035
	TagFileLinkTos     Tag = 1036
	TagFileFlags       Tag = 1037
	TagFileUserName    Tag = 1039
	TagFileGroupName   Tag = 1040
	TagFileVerifyFlags Tag = 1045
	TagFileDevices     Tag = 1095
	TagFileInodes      Tag = 1096
	TagFileLangs       Tag = 1097
	TagDirIndexes      Tag = 1116
	TagBaseNames       Tag = 1117
	TagDirNames        Tag = 1118
	TagLongFileSizes   Tag = 5008
	TagFileCaps        Tag = 5010
	TagFileDigestAlgo  Tag = 5011 // one for all files
)

// ScriptletTags are those of each kind of scriptlet: its text, and the program that runs it with its arguments.
var ScriptletTags = []struct {
	Kind       string
	Body, Prog Tag
}{
	{"pretrans", 1151, 1153},
	{"pre", 1023, 1085},
	{"post", 1024, 1086},
	{"preun", 1025, 1087},
	{"postun", 1026, 1088},
	{"posttrans", 1152, 1154},
	{"preuntrans", 5103, 5105},
	{"postuntrans", 5104, 5106},
	{"verify", 1079, 1091},
}

// Types of an entry's value (rpmTagType).
const (
	TypeChar        = 1
	TypeInt8        = 2
	TypeInt16       = 3
	TypeInt32       = 4
	TypeInt64       = 5
	TypeString      = 6
	TypeBin         = 7
	TypeStringArray = 8
	TypeI18NString  = 9
)

// widths are the bytes of one value, and what its place is a multiple of; strings have none.
var widths = map[uint32]int{TypeChar: 1, TypeInt8: 1, TypeInt16: 2, TypeInt32: 4, TypeInt64: 8, TypeBin: 1}

func isString(typ uint32) bool {
	return typ == TypeString || typ == TypeStringArray || typ == TypeI18NString
}

// Types lists tags by the method of Tags that reads them.
type Types struct{ String, Strings, Ints, Bytes []Tag }

// CheckTypes refuses a header in which a tag has a value that its method cannot read, or not all of it; so does rpm.
func (t *Tags) CheckTypes(by Types) error {
	for _, c := range []struct {
		tags []Tag
		fits func(Entry) bool
	}{
		{by.String, func(e Entry) bool { return isString(e.Type) && e.Count == 1 }},
		{by.Strings, func(e Entry) bool { return isString(e.Type) }},
		{by.Ints, func(e Entry) bool { return e.Type <= TypeInt64 }},
		{by.Bytes, func(e Entry) bool { return e.Type == TypeBin }},
	} {
		for _, tag := range c.tags {
			if e, ok := t.byTag[tag]; ok && !c.fits(e) {
				return fmt.Errorf("tag %d: %d values of type %d, which it cannot have", tag, e.Count, e.Type)
			}
		}
	}
	return nil
}

// CheckLengths refuses lists that are there and not as long as the first.
func (t *Tags) CheckLengths(first Tag, others ...Tag) error {
	want := t.byTag[first].Count
	for _, tag := range others {
		if e, ok := t.byTag[tag]; ok && e.Count != want {
			return fmt.Errorf("tag %d has %d values where tag %d has %d", tag, e.Count, first, want)
		}
	}
	return nil
}
