package rpmcheck

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"onerpm/bundler/internal/rpmpkg"
	"onerpm/internal/rpmfile"
)

// Load tells why rpm does not load the headers of a package that rpmfile reads. The digests
// may all be right: an odd builder wrote it so. The error is a *rpmfile.FormatError.
func Load(h *rpmfile.Header) error {
	if err := load(h.Signature, false); err != nil {
		return &rpmfile.FormatError{Part: "signature header", Err: err}
	}
	if err := load(h.Main, true); err != nil {
		return &rpmfile.FormatError{Part: "header", Err: err}
	}
	if err := merge(h); err != nil {
		return &rpmfile.FormatError{Part: "signature header", Err: err}
	}
	return nil
}

// merged are the tags of the signature header that rpm takes over into the main one, under which
// number, of which type and how many values (0 for any). Of some, either header may have them.
var merged = []struct {
	tag, as    rpmfile.Tag
	typ, count uint32
	either     bool
}{
	{rpmpkg.SigSize, 257, rpmfile.TypeInt32, 1, false},
	{rpmpkg.SigPGP, 259, rpmfile.TypeBin, 0, false},
	{rpmpkg.SigMD5, 261, rpmfile.TypeBin, 16, false},
	{rpmpkg.SigGPG, 262, rpmfile.TypeBin, 0, false},
	{rpmpkg.SigPayloadSize, 1046, rpmfile.TypeInt32, 1, true},
	{274, 5090, rpmfile.TypeStringArray, 0, true}, // signatures of files, and their length
	{275, 5091, rpmfile.TypeInt32, 1, true},
	{276, 276, rpmfile.TypeStringArray, 0, false}, // likewise for fs-verity, and its algorithm
	{277, 277, rpmfile.TypeInt32, 1, false},
	{rpmpkg.SigSHA1, 269, rpmfile.TypeString, 1, false},
	{rpmpkg.SigSHA256, 273, rpmfile.TypeString, 1, false},
	{rpmpkg.SigDSA, 267, rpmfile.TypeBin, 0, false},
	{rpmpkg.SigRSA, 268, rpmfile.TypeBin, 0, false},
	{rpmpkg.SigLongSize, 270, rpmfile.TypeInt64, 1, false},
	{rpmpkg.SigLongArchiveSize, 271, rpmfile.TypeInt64, 1, false},
}

// merge checks that the signature header goes into the main one (headerMergeLegacySigs).
func merge(h *rpmfile.Header) error {
	entries := map[rpmfile.Tag]rpmfile.Entry{}
	for _, e := range h.Signature.Index() {
		entries[e.Tag] = e
	}
	for _, m := range merged {
		e, is := entries[m.tag]
		if h.Main.Has(m.as) && (is || !m.either) {
			return fmt.Errorf("tag %d stands in the main header, as %d", m.tag, m.as)
		}
		if is && (e.Type != m.typ || m.count != 0 && e.Count != m.count) {
			return fmt.Errorf("tag %d: %d values of type %d, which it cannot have", m.tag, e.Count, e.Type)
		}
	}
	return nil
}

// load checks a header that rpmfile read, so that all of its offsets and counts are good. rpm
// checks the types of the main header alone there.
func load(t *rpmfile.Tags, typed bool) error {
	const entrySize = 16 // of the index; what begins a header and what ends a region are as large
	if !bytes.Equal(t.Raw()[4:8], make([]byte, 4)) {
		return errors.New("its reserved bytes are not zero")
	}
	// rpm adds up what the values take, each where its type may begin, and wants nothing to be left.
	used := 0
	for _, e := range t.Index() {
		if e.Size == 0 { // a region: its value is the trailer behind all others
			used += entrySize
			continue
		}
		if typed && !fits(e.Tag, e.Type) {
			return fmt.Errorf("tag %d: its value has type %d, which it cannot have", e.Tag, e.Type)
		}
		if width := widths[e.Type]; width > 0 {
			used += -used & (width - 1)
		}
		used += e.Size
	}
	if data := len(t.Raw()) - entrySize*(1+len(t.Index())); used != data {
		return fmt.Errorf("its values take %d bytes, and it has %d", used, data)
	}
	return nil
}

// widths are the bytes of the numbers that begin at a multiple of them.
var widths = map[uint32]int{rpmfile.TypeInt16: 2, rpmfile.TypeInt32: 4, rpmfile.TypeInt64: 8}

// fits reports whether a tag may have a type. A string may be of any kind of string, and a tag that rpm
// does not know of any type.
func fits(tag rpmfile.Tag, typ uint32) bool {
	want, known := tagTypes[tag]
	return !known || typ == want || want == rpmfile.TypeString && slices.Contains([]uint32{rpmfile.TypeString, rpmfile.TypeStringArray, rpmfile.TypeI18NString}, typ)
}

// tagTypes are the types of rpm's tags (rpmtag.h). Those of %preuntrans and %postuntrans, 5103 to
// 5108, came with 4.19; they are left to rpmpkg, which checks what it reads of them.
var tagTypes = typesOf(map[uint32][]rpmfile.Tag{
	rpmfile.TypeString: {
		1000, 1001, 1002, 1004, 1005, 1007, 1010, 1011, 1014, 1015, 1016, 1018, 1019, 1020, 1021, 1022, 1023, 1024,
		1025, 1026, 1027, 1035, 1036, 1039, 1040, 1044, 1047, 1049, 1050, 1054, 1055, 1059, 1060, 1061, 1062, 1064,
		1065, 1066, 1067, 1079, 1081, 1082, 1085, 1086, 1087, 1088, 1089, 1090, 1091, 1092, 1094, 1097, 1098, 1099,
		1113, 1115, 1117, 1118, 1120, 1121, 1122, 1123, 1124, 1125, 1126, 1132, 1133, 1135, 1142, 1147, 1148, 1149,
		1150, 1151, 1152, 1153, 1154, 1155, 1156, 1157, 1159, 1160, 1196, 5000, 5001, 5002, 5005, 5006, 5007, 5010,
		5012, 5013, 5014, 5015, 5016, 5030, 5031, 5034, 5035, 5036, 5040, 5041, 5042, 5043, 5044, 5046, 5047, 5049,
		5050, 5052, 5053, 5055, 5056, 5058, 5059, 5060, 5061, 5062, 5066, 5067, 5069, 5071, 5076, 5077, 5079, 5081,
		5086, 5087, 5088, 5089, 5090, 5092, 5096, 5097, 5098, 5099, 5100, 5101, 5109, 5116,
		5117, 5118, 5120, 5121, 5122, 5123, 5124,
	},
	rpmfile.TypeInt32: {
		1003, 1006, 1008, 1009, 1028, 1034, 1037, 1045, 1046, 1048, 1051, 1052, 1053, 1068, 1069, 1080, 1095, 1096,
		1106, 1112, 1114, 1116, 1119, 1127, 1128, 1129, 1134, 1140, 1141, 1143, 1144, 1145, 1158, 1161, 1195, 5011,
		5017, 5018, 5019, 5020, 5021, 5022, 5023, 5024, 5025, 5026, 5027, 5032, 5033, 5037, 5045, 5048, 5051, 5054,
		5057, 5068, 5070, 5072, 5078, 5080, 5082, 5084, 5085, 5091, 5093, 5114, 5115, 5119,
	},
	rpmfile.TypeChar:  {1029},
	rpmfile.TypeInt16: {1030, 1033},
	rpmfile.TypeInt64: {5008, 5009, 5112, 5113},
	rpmfile.TypeBin:   {1012, 1013, 1043, 1146},
})

func typesOf(tags map[uint32][]rpmfile.Tag) map[rpmfile.Tag]uint32 {
	out := map[rpmfile.Tag]uint32{}
	for typ, list := range tags {
		for _, tag := range list {
			out[tag] = typ
		}
	}
	return out
}
