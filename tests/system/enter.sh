# Becomes the first process of a machine: a private copy of a root, with an SSH server inside.
#   unshare --mount --pid --uts --ipc --fork --kill-child sh enter.sh ROOT SCRATCH SEED NAME
# All of it lives in memory and in these namespaces: when the first process ends, nothing is left of it.
set -e
root=$1 scratch=$2 seed=$3 name=$4
mount --make-rprivate /
mount -t tmpfs tmpfs "$scratch"
mkdir "$scratch/upper" "$scratch/work" "$scratch/root"
mount -t overlay overlay -o "lowerdir=$root,upperdir=$scratch/upper,workdir=$scratch/work" "$scratch/root"
cp -R --no-preserve=ownership "$seed/." "$scratch/root/"
cd "$scratch/root"
mount -t proc proc proc
mount --rbind /dev dev
mkdir -p run/sshd outside
pivot_root . outside
umount -l outside
rmdir outside
hostname "$name"
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
cd /packages
for folder in */; do
    dpkg-deb --build -Znone "$folder" . >/dev/null
done
for file in *.deb; do
    dpkg-deb --field "$file"
    echo "Filename: ./$file"
    echo "Size: $(stat -c %s "$file")"
    echo "SHA256: $(sha256sum "$file" | cut -d' ' -f1)"
    echo
done >Packages
cd /
/usr/sbin/sshd -e -f /etc/ssh/test_config
# The test holds the other end: when it closes it, or dies, we end, and with us all processes here.
cat >/dev/null
