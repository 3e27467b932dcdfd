# The demo product's packages are the same on all platforms, and know PostgreSQL 15: elsewhere the platform's own has that name.
if [ @POSTGRESQL@ != 15 ]; then
	for dir in /etc/postgresql /var/lib/postgresql; do
		mv $dir/@POSTGRESQL@ $dir/15
	done
	ln -s @POSTGRESQL@ /usr/lib/postgresql/15
	sed -i "s#postgresql/@POSTGRESQL@/#postgresql/15/#; s#@POSTGRESQL@-main#15-main#; s#'@POSTGRESQL@/main'#'15/main'#" /etc/postgresql/15/main/postgresql.conf
fi
if [ @POSTGRESQL@ -lt 14 ]; then # it wants a folder in /run that Debian's wrapper would make, and does not know the other setting
	sed -i '/^stats_temp_directory/d' /etc/postgresql/15/main/postgresql.conf
	sed -i 's/ -c recovery_init_sync_method=syncfs//' /etc/systemd/system/postgresql@.service.d/direct.conf
fi
