# bash completion for virtiofs-store(1): the program itself tells what can stand at the cursor.

_virtiofs_store() {
    local word=${COMP_WORDS[COMP_CWORD]} line=${COMP_LINE:0:COMP_POINT}
    local IFS=$'\n'
    # Its name aside, by which it may have been called with a path.
    line=${line#*"${COMP_WORDS[0]}"}
    line=virtiofs-store$line
    COMPREPLY=($(compgen -W "$("${COMP_WORDS[0]}" "[suggest:${#line}]" "$line" 2> /dev/null)" -- "$word"))
}

# Where it has nothing to say, a path is meant.
complete -o default -F _virtiofs_store virtiofs-store
