# shellcheck shell=sh
# Shared by the pages in this folder. Everything that comes from outside goes through escape.

escape() {
    printf '%s' "$1" | sed 's/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g; s/"/\&quot;/g'
}

head_of_page() { # head_of_page TITLE
    cat <<END
Content-Type: text/html; charset=utf-8

<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$1</title>
<link rel="stylesheet" href="/demo.css">
<link rel="icon" href="data:,">
</head>
<body>
<header>
<strong>$(escape "${SCALEKIT_NAME:-$REMOTE_USER}")</strong>
<nav>
<a href="/">Home</a>
<a href="/dashboard">Dashboard</a>
<a href="/organization/settings">Organization settings</a>
<a href="/application/">Application</a>
<a href="/logout">Sign out</a>
</nav>
</header>
<main>
<h1>$1</h1>
END
}

row() { # row NAME VALUE
    printf '<tr><th scope="row">%s</th><td>%s</td></tr>\n' "$(escape "$1")" "$(escape "$2")"
}

end_of_page() {
    printf '</main>\n</body>\n</html>\n'
}
