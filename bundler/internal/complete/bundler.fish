# Completion of bundler for fish: put it into share/fish/vendor_completions.d or ~/.config/fish/completions.
function __bundler_complete
	set -l words (commandline -opc)
	set -l current (commandline -ct)
	set -l flag (string match -r -- '^--[^=]*=' $current)
	set -l rest (string replace -r -- '^--[^=]*=' '' $current)
	for line in (command $words[1] complete -- $words[2..-1] $current 2>/dev/null)
		switch $line
			case :file
				printf "$flag%s\n" (__fish_complete_path $rest)
			case :directory
				printf "$flag%s\n" (__fish_complete_directories $rest)
			case '*'
				printf "$flag%s\n" $line
		end
	end
end
complete -c bundler -f -a '(__bundler_complete)'
