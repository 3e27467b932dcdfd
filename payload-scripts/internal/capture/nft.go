package capture

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

func (c Capture) table() *nftables.Table {
	return &nftables.Table{Family: nftables.TableFamilyINet, Name: c.Name}
}

// startNFT writes, in one transaction,
//
//	table inet NAME {
//		set ports { type inet_service; elements = { PORTS } }
//		chain prerouting {
//			type filter hook prerouting priority mangle
//			meta mark != MARK meta nfproto ipv4 tcp dport @ports tcp flags & (fin|syn|rst|ack) == syn fib daddr type local tproxy ip to 127.0.0.1:TO accept
//			... the same for ipv6
//			... the same, and drop: tproxy goes on to the next rule when nobody listens there
//		}
//		chain input {
//			type filter hook input priority mangle
//			... the same, socket transparent 1 accept
//			... the same, and drop: a client of another port, whom a redirect of the host's own (NAT) has led to one of these since
//		}
//	}
func (c Capture) startNFT() error {
	if c.Without == "nftables" {
		return errors.New("it is to be without")
	}
	conn, err := nftables.New()
	if err != nil {
		return err
	}
	table := conn.AddTable(c.table())
	conn.DelTable(table) // of an earlier call
	table = conn.AddTable(c.table())
	chain := conn.AddChain(&nftables.Chain{
		Name: "prerouting", Table: table, Type: nftables.ChainTypeFilter, Hooknum: nftables.ChainHookPrerouting, Priority: nftables.ChainPriorityMangle,
	})
	input := conn.AddChain(&nftables.Chain{
		Name: "input", Table: table, Type: nftables.ChainTypeFilter, Hooknum: nftables.ChainHookInput, Priority: nftables.ChainPriorityMangle,
	})
	ports := &nftables.Set{Table: table, Name: "ports", KeyType: nftables.TypeInetService} // an anonymous set may stand in one rule only
	var elements []nftables.SetElement
	for _, port := range c.sorted() {
		elements = append(elements, nftables.SetElement{Key: binaryutil.BigEndian.PutUint16(port)})
	}
	if err := conn.AddSet(ports, elements); err != nil {
		return err
	}
	for _, to := range []struct {
		family  byte
		address net.IP
	}{{unix.NFPROTO_IPV4, net.IPv4(127, 0, 0, 1).To4()}, {unix.NFPROTO_IPV6, net.IPv6loopback}} {
		conn.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: append(firstPacket(ports, to.family),
			&expr.Immediate{Register: 1, Data: to.address},
			&expr.Immediate{Register: 2, Data: binaryutil.BigEndian.PutUint16(c.To)},
			&expr.TProxy{Family: to.family, TableFamily: byte(table.Family), RegAddr: 1, RegPort: 2},
			&expr.Verdict{Kind: expr.VerdictAccept},
		)})
		conn.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: append(firstPacket(ports, to.family), &expr.Verdict{Kind: expr.VerdictDrop})})
		conn.AddRule(&nftables.Rule{Table: table, Chain: input, Exprs: append(firstPacket(ports, to.family),
			&expr.Socket{Key: expr.SocketKeyTransparent, Register: 1},
			&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{1}},
			&expr.Verdict{Kind: expr.VerdictAccept},
		)})
		conn.AddRule(&nftables.Rule{Table: table, Chain: input, Exprs: append(firstPacket(ports, to.family), &expr.Verdict{Kind: expr.VerdictDrop})})
	}
	return conn.Flush()
}

// firstPacket matches the packet with which a client begins a connection to one of the ports of this host.
func firstPacket(ports *nftables.Set, family byte) []expr.Any {
	const fin, syn, rst, ack = 0x01, 0x02, 0x04, 0x10 // RFC 9293, 3.1
	native := func(n uint32) []byte { return binary.NativeEndian.AppendUint32(nil, n) }
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyMARK, Register: 1},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: native(mark)},
		&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{family}},
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{unix.IPPROTO_TCP}},
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: 2, Len: 2}, // destination port
		&expr.Lookup{SourceRegister: 1, SetName: ports.Name, SetID: ports.ID},
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: 13, Len: 1}, // flags
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 1, Mask: []byte{fin | syn | rst | ack}, Xor: []byte{0}},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{syn}},
		&expr.Fib{Register: 1, FlagDADDR: true, ResultADDRTYPE: true},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: native(unix.RTN_LOCAL)},
	}
}

// stopNFT takes the table away, if it is there.
func (c Capture) stopNFT() error {
	there, err := c.hasTable()
	if err != nil || !there {
		return err
	}
	conn, err := nftables.New()
	if err != nil {
		return err
	}
	conn.DelTable(c.table())
	if err := conn.Flush(); err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("take the table %s from nftables: %w", c.Name, err)
	}
	return nil
}

// hasTable reports whether nftables has the table. A kernel without nftables has none.
func (c Capture) hasTable() (bool, error) {
	conn, err := nftables.New()
	if err != nil {
		return false, err
	}
	tables, err := conn.ListTablesOfFamily(nftables.TableFamilyINet)
	if errors.Is(err, unix.EPROTONOSUPPORT) || errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EINVAL) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("ask nftables for its tables: %w", err)
	}
	for _, t := range tables {
		if t.Name == c.Name {
			return true, nil
		}
	}
	return false, nil
}
