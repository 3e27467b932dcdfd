# Completion of bundler for bash: source it, or put it into share/bash-completion/completions/bundler.
_bundler() {
	local word what current=${COMP_WORDS[COMP_CWORD]}
	COMPREPLY=()
	[ "$current" != = ] || current=
	while IFS=$'\t' read -r word what; do
		case $word in
		:file)
			compopt -o filenames 2>/dev/null
			mapfile -t COMPREPLY < <(compgen -f -- "$current")
			;;
		:directory)
			compopt -o filenames 2>/dev/null
			mapfile -t COMPREPLY < <(compgen -d -- "$current")
			;;
		*) COMPREPLY+=("$word") ;;
		esac
	done < <("${1/#\~/$HOME}" complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _bundler bundler
