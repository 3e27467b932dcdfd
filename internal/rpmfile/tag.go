package rpmfile

// Tag numbers an entry of a header. The names and numbers are those of rpm's
// rpmtag.h; the signature header has a number space of its own.
type Tag uint32

// Tags of the main header that this package gives typed access to.
const (
	TagName                    Tag = 1000
	TagVersion                 Tag = 1001
	TagRelease                 Tag = 1002
	TagEpoch                   Tag = 1003
	TagSummary                 Tag = 1004
	TagDescription             Tag = 1005
	TagBuildTime               Tag = 1006
	TagBuildHost               Tag = 1007
	TagSize                    Tag = 1009
	TagVendor                  Tag = 1011
	TagLicense                 Tag = 1014
	TagGroup                   Tag = 1016
	TagURL                     Tag = 1020
	TagOS                      Tag = 1021
	TagArch                    Tag = 1022
	TagPreIn                   Tag = 1023
	TagPostIn                  Tag = 1024
	TagPreUn                   Tag = 1025
	TagPostUn                  Tag = 1026
	TagOldFileNames            Tag = 1027
	TagFileSizes               Tag = 1028
	TagFileModes               Tag = 1030
	TagFileRdevs               Tag = 1033
	TagFileMTimes              Tag = 1034
	TagFileDigests             Tag = 1035
	TagFileLinkTos             Tag = 1036
	TagFileFlags               Tag = 1037
	TagFileUserName            Tag = 1039
	TagFileGroupName           Tag = 1040
	TagSourceRPM               Tag = 1044
	TagFileVerifyFlags         Tag = 1045
	TagProvideName             Tag = 1047
	TagRequireFlags            Tag = 1048
	TagRequireName             Tag = 1049
	TagRequireVersion          Tag = 1050
	TagConflictFlags           Tag = 1053
	TagConflictName            Tag = 1054
	TagConflictVersion         Tag = 1055
	TagTriggerScripts          Tag = 1065
	TagTriggerName             Tag = 1066
	TagTriggerVersion          Tag = 1067
	TagTriggerFlags            Tag = 1068
	TagTriggerIndex            Tag = 1069
	TagVerifyScript            Tag = 1079
	TagPreInProg               Tag = 1085
	TagPostInProg              Tag = 1086
	TagPreUnProg               Tag = 1087
	TagPostUnProg              Tag = 1088
	TagObsoleteName            Tag = 1090
	TagVerifyScriptProg        Tag = 1091
	TagTriggerScriptProg       Tag = 1092
	TagFileDevices             Tag = 1095
	TagFileInodes              Tag = 1096
	TagFileLangs               Tag = 1097
	TagProvideFlags            Tag = 1112
	TagProvideVersion          Tag = 1113
	TagObsoleteFlags           Tag = 1114
	TagObsoleteVersion         Tag = 1115
	TagDirIndexes              Tag = 1116
	TagBaseNames               Tag = 1117
	TagDirNames                Tag = 1118
	TagPayloadFormat           Tag = 1124
	TagPayloadCompressor       Tag = 1125
	TagPayloadFlags            Tag = 1126
	TagPreTrans                Tag = 1151
	TagPostTrans               Tag = 1152
	TagPreTransProg            Tag = 1153
	TagPostTransProg           Tag = 1154
	TagLongFileSizes           Tag = 5008
	TagLongSize                Tag = 5009
	TagFileCaps                Tag = 5010 // text, as cap_to_text(3) writes it
	TagFileDigestAlgo          Tag = 5011
	TagFileTriggerScripts      Tag = 5066
	TagFileTriggerScriptProg   Tag = 5067
	TagFileTriggerName         Tag = 5069
	TagFileTriggerIndex        Tag = 5070
	TagFileTriggerFlags        Tag = 5072
	TagTransFileTriggerScripts Tag = 5076
	TagTransFileTriggerProg    Tag = 5077
	TagTransFileTriggerName    Tag = 5079
	TagTransFileTriggerIndex   Tag = 5080
	TagTransFileTriggerFlags   Tag = 5082
	TagPayloadDigest           Tag = 5092 // of the payload as it lies in the file, compressed
	TagPayloadDigestAlgo       Tag = 5093
	TagPayloadDigestAlt        Tag = 5097 // of the payload once uncompressed
	TagPreUnTrans              Tag = 5103
	TagPostUnTrans             Tag = 5104
	TagPreUnTransProg          Tag = 5105
	TagPostUnTransProg         Tag = 5106
)

// Tags of the signature header.
const (
	SigDSA             Tag = 267  // OpenPGP signature of the main header, any algorithm but RSA
	SigRSA             Tag = 268  // OpenPGP signature of the main header, RSA
	SigSHA1            Tag = 269  // of the main header
	SigLongSize        Tag = 270  // bytes of main header and payload
	SigLongArchiveSize Tag = 271  // bytes of the payload once uncompressed
	SigSHA256          Tag = 273  // of the main header
	SigSize            Tag = 1000 // bytes of main header and payload
	SigPGP             Tag = 1002 // OpenPGP signature of main header and payload, RSA
	SigMD5             Tag = 1004 // of main header and payload
	SigGPG             Tag = 1005 // OpenPGP signature of main header and payload, any algorithm but RSA
	SigPayloadSize     Tag = 1007 // bytes of the payload once uncompressed
)

const (
	tagHeaderSignatures Tag = 62 // region of the signature header
	tagHeaderImmutable  Tag = 63 // region of the main header
	tagHeaderI18NTable  Tag = 100
)

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

// kinds are the shapes a tag may be asked for in.
type kind int

const (
	kindString kind = iota
	kindStrings
	kindInts
	kindBytes
)

// mainKinds says which shape this package reads each tag of the main header in. A
// header where one of them has another type is refused, as it is by rpm.
var mainKinds = kindTable(map[kind][]Tag{
	kindString: {
		TagName, TagVersion, TagRelease, TagArch, TagOS, TagSourceRPM, TagVendor, TagLicense, TagURL, TagBuildHost,
		TagPreIn, TagPostIn, TagPreUn, TagPostUn, TagVerifyScript, TagPreTrans, TagPostTrans, TagPreUnTrans, TagPostUnTrans,
		TagPayloadFormat, TagPayloadCompressor, TagPayloadFlags,
	},
	kindStrings: {
		TagSummary, TagDescription, TagGroup,
		TagOldFileNames, TagFileDigests, TagFileLinkTos, TagFileUserName, TagFileGroupName, TagFileLangs, TagFileCaps, TagBaseNames, TagDirNames,
		TagProvideName, TagProvideVersion, TagRequireName, TagRequireVersion,
		TagConflictName, TagConflictVersion, TagObsoleteName, TagObsoleteVersion,
		TagTriggerScripts, TagTriggerName, TagTriggerVersion, TagTriggerScriptProg,
		TagFileTriggerScripts, TagFileTriggerScriptProg, TagFileTriggerName,
		TagTransFileTriggerScripts, TagTransFileTriggerProg, TagTransFileTriggerName,
		TagPreInProg, TagPostInProg, TagPreUnProg, TagPostUnProg, TagVerifyScriptProg,
		TagPreTransProg, TagPostTransProg, TagPreUnTransProg, TagPostUnTransProg,
		TagPayloadDigest, TagPayloadDigestAlt,
	},
	kindInts: {
		TagEpoch, TagBuildTime, TagSize, TagLongSize, TagFileDigestAlgo, TagPayloadDigestAlgo,
		TagFileSizes, TagLongFileSizes, TagFileModes, TagFileRdevs, TagFileMTimes, TagFileFlags, TagFileVerifyFlags,
		TagFileDevices, TagFileInodes, TagDirIndexes,
		TagProvideFlags, TagRequireFlags, TagConflictFlags, TagObsoleteFlags,
		TagTriggerFlags, TagTriggerIndex, TagFileTriggerFlags, TagFileTriggerIndex, TagTransFileTriggerFlags, TagTransFileTriggerIndex,
	},
})

var sigKinds = kindTable(map[kind][]Tag{
	kindString: {SigSHA1, SigSHA256},
	kindInts:   {SigSize, SigLongSize, SigPayloadSize, SigLongArchiveSize},
	kindBytes:  {SigDSA, SigRSA, SigPGP, SigMD5, SigGPG},
})

func kindTable(byKind map[kind][]Tag) map[Tag]kind {
	table := map[Tag]kind{}
	for k, tags := range byKind {
		for _, t := range tags {
			table[t] = k
		}
	}
	return table
}

// fits reports whether a value of this type and count can be read as k.
func (k kind) fits(typ uint32, count int) bool {
	switch k {
	case kindString:
		return typ == TypeString || (typ == TypeI18NString || typ == TypeStringArray) && count == 1
	case kindStrings:
		return typ == TypeString || typ == TypeStringArray || typ == TypeI18NString
	case kindInts:
		return typ >= TypeChar && typ <= TypeInt64
	default:
		return typ == TypeBin
	}
}
