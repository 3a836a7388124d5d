"""The site key custodian's side: makes the site's keys, users, policy and bundles.

    cli           encryptsecurert-admin
    provision     one bundle to one verified worker
    site          what a custodian can do: the facade that the command line and the demo use
      bundle_maker, policy_maker, certificates      make octets, keep nothing
      site_folder                                   what is known of the site (site.json)
      site_keys, escrow_pem, passphrase, disk       what is secret, and how it lies on a disk
    recover, offline, item_key        sealed items opened with the escrow key, or another, offline

Everything here runs on the custodian's own computer. Private keys leave it in one way only: sealed
to a worker that was verified first. The panel does not use this package.
"""
