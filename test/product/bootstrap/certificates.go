package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"path/filepath"
	"time"
)

// signer is a certificate authority, or nil for a certificate that signs itself.
type signer struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// makeCertificates writes the internal and the external certificate and, for 4.2.0, the
// authority that the internal one is signed by.
func makeCertificates(dir string, withCA bool) error {
	var ca *signer
	if withCA {
		var err error
		if ca, err = makeCertificate(dir, "cloudify_internal_ca", nil, true); err != nil {
			return err
		}
	}
	if _, err := makeCertificate(dir, "cloudify_internal", ca, false); err != nil {
		return err
	}
	_, err := makeCertificate(dir, "cloudify_external", nil, false)
	return err
}

func makeCertificate(dir, name string, by *signer, isCA bool) (*signer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	cert := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(10, 0, 0),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, BasicConstraintsValid: true, IsCA: isCA,
		KeyUsage: x509.KeyUsageDigitalSignature,
	}
	if isCA {
		cert.KeyUsage |= x509.KeyUsageCertSign
	}
	if by == nil {
		by = &signer{cert, key}
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, by.cert, &key.PublicKey, by.key)
	if err != nil {
		return nil, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	if err := writeFile(filepath.Join(dir, name+"_cert.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644); err != nil {
		return nil, err
	}
	err = writeFile(filepath.Join(dir, name+"_key.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), 0o600)
	return &signer{cert, key}, err
}
