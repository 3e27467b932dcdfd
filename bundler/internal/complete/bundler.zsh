#compdef bundler
# Completion of bundler for zsh: put it as _bundler into a folder of $fpath, or source it behind compinit.
_bundler() {
	local line
	local -a found
	found=()
	for line in "${(@f)$(_call_program bundler ${(q)words[1]} complete -- "${(@q)words[2,CURRENT]}")}"; do
		case $line in
		:file|:directory)
			[[ $PREFIX != --*=* ]] || compset -P '*='
			if [[ $line = :file ]]; then _files; else _files -/; fi
			return
			;;
		*$'\t'*) found+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}") ;;
		?*) found+=("${line//:/\\:}") ;;
		esac
	done
	[[ $PREFIX != --*=* ]] || compset -P '*='
	_describe bundler found
}
if [[ $funcstack[1] = _bundler ]]; then
	_bundler "$@"
else
	compdef _bundler bundler
fi
